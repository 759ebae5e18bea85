import { describe, expect, it } from '@jest/globals';
import { calculate } from '../../local/quicksight/calculate.ts';
import { scopeOf } from '../../local/quicksight/scope.ts';

const NOW = new Date('2026-11-23T18:00:00Z');
const names = {
  ParameterDeclarations: [
    {
      StringParameterDeclaration: {
        Name: 'Every',
        ParameterValueType: 'SINGLE_VALUED' as const,
        DefaultValues: { StaticValues: ["it's"] },
      },
    },
  ],
  CalculatedFields: [
    { DataSetIdentifier: 'players', Name: 'Ratio', Expression: 'sum({kills}) / sum(deaths)' },
    { DataSetIdentifier: 'players', Name: 'Loop', Expression: '{Loop} + 1' },
  ],
};
const scope = scopeOf(
  names,
  'players',
  [
    { Name: 'kills', Type: 'INTEGER' },
    { Name: 'deaths', Type: 'INTEGER' },
    { Name: 'player_id', Type: 'STRING' },
    { Name: 'window_start', Type: 'DATETIME' },
  ],
  {},
  NOW,
);
const sql = (text: string) => calculate(text, scope).sql;

describe('a calculated field', () => {
  it.each([
    ['{kills} + 2 * deaths', '("kills" + (2 * "deaths"))'],
    ['({kills} + 2) * deaths', '(("kills" + 2) * "deaths")'],
    ['kills - 1 - 2', '(("kills" - 1) - 2)'],
    ['{Ratio}', '(CAST(sum("kills") AS DOUBLE) / nullif(sum("deaths"), 0))'],
    [
      "ifelse(kills > 3 AND NOT deaths = 0, 'good', \"it's\")",
      `CASE WHEN (("kills" > 3) AND (NOT ("deaths" = 0))) THEN 'good' ELSE 'it''s' END`,
    ],
    [
      `ifelse(\${Every} = player_id, 1, isNull(kills), 2, 3)`,
      `CASE WHEN ('it''s' = "player_id") THEN 1 WHEN ("kills" IS NULL) THEN 2 ELSE 3 END`,
    ],
    ["addDateTime(-1, 'DD', truncDate('HH', now()))", "date_add('day', (-1), date_trunc('hour', TIMESTAMP '2026-11-23 18:00:00.000'))"],
    ['distinct_count(player_id) / (60 * 60)', '(CAST(count(DISTINCT "player_id") AS DOUBLE) / nullif((60 * 60), 0))'],
  ])('%s', (text, expected) => {
    expect(sql(text)).toBe(expected);
  });

  it.each([
    ['{nobody}', "data set players has no column 'nobody'"],
    ['{Loop}', "calculated field 'Loop': calculated field 'Loop' refers to itself"],
    ['sum(kills) + deaths', 'aggregated and plain values are mixed'],
    ['sum(sum(kills))', 'sum is given what is aggregated already'],
    ['sum(player_id)', 'sum takes numbers, not text'],
    ['runningSum(kills)', 'function runningSum is not one that the local QuickSight can evaluate'],
    ["truncDate('XX', window_start)", "'XX' is not a period; it must be one of YYYY, Q, MM, WK, DD, HH, MI, SS, MS"],
    ['kills +', 'it ends too early'],
    ['kills deaths', "'deaths' is not expected"],
    ['abs(kills', "')' is missing at the end"],
    ["kills = 'one'", '= cannot work on number and text'],
    ['ifelse(kills, 1, 2)', 'ifelse: argument 1 is no condition'],
    [`\${Nothing}`, 'parameter Nothing is not declared'],
    ['kills; DROP TABLE x', "';' is not expected"],
  ])('%s: %s', (text, message) => {
    expect(() => sql(text)).toThrow(message);
  });
});
