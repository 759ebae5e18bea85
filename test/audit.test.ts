import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { statements } from '../activities/sql.ts';
import { sentBy, tally } from '../activities/tally.ts';
import { gameOf } from '../pipeline/lanes.ts';
import { type LedgerPage, timeOf } from '../pipeline/ledger.ts';
import { laneOf } from '../pipeline/simulation.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';

const LANES = 2;
const BASE = Date.UTC(2026, 10, 26);

type Mishap = 'dropped' | 'doubled' | 'altered';
/** Which event of which lane it befalls. */
interface Victim {
  what: Mishap;
  lane: number;
  i: number;
}

const pipeline: Pipeline = { ...parseSpec({ shards: LANES, generator: { seed: 7 } }), account: '000000000000' };
const game = gameOf(pipeline, 'r');

/** A ledger by which each lane sent so many events. */
const ledgerOf = (each: number): LedgerPage => ({
  game,
  ranges: Array.from({ length: LANES }, (_, lane) => ({
    lane,
    first: 0,
    end: each,
    time: { from: 0, base: BASE, rate: 1000 },
    at: BASE,
    resent: [],
    since: 0,
  })),
});

/** What an audit finds of a place to which all of that came, but for what befell its victims. */
function found(each: number, victims: Victim[]) {
  const { take, holding } = tally(sentBy([ledgerOf(each)]));
  const bases = ledgerOf(each).ranges[0]!.time;
  for (let lane = 0; lane < LANES; lane++) {
    const events = laneOf(game, lane);
    const own = victims.filter((victim) => victim.lane === lane);
    for (let i = 0; i < each; i++) {
      const record = events.next(timeOf([bases], i));
      const mishap = own.find((victim) => victim.i === i)?.what;
      if (mishap === 'dropped') continue;
      take(mishap === 'altered' ? record.replace(/.(?=.$)/, (last) => (last === '1' ? '2' : '1')) : record);
      if (mishap === 'doubled') take(record);
    }
  }
  return holding();
}

const idOf = ({ lane, i }: Victim) => `r-${lane}-${i}`;
const idsOf = (victims: Victim[], what: Mishap) => victims.filter((victim) => victim.what === what).map(idOf);

function expectFound(each: number, victims: Victim[]): void {
  const [missing, twice, altered] = (['dropped', 'doubled', 'altered'] as const).map((what) => idsOf(victims, what));
  const all = found(each, victims);
  expect(all).toMatchObject({
    events: LANES * each - missing!.length,
    missing: missing!.length,
    altered: altered!.length,
    copies: { onPurpose: 0, resent: 0, unexplained: twice!.length },
    unknown: 0,
  });
  expect(all.examples).toEqual({ missing, twice, altered });
}

describe('the count in Athena', () => {
  it('casts no id in a way that fails: Trino may cast before it filters', () => {
    const { text } = statements(pipeline, 'audit', { blockEvents: '1', lanes: '', since: '', sinceHour: '' })[0]!;
    expect(text.match(/\w*CAST\(split_part/g)).toEqual(['TRY_CAST(split_part', 'TRY_CAST(split_part']);
  });
});

describe('an audit', () => {
  it('finds a single record dropped, doubled or altered among a million, and names it', () => {
    expectFound(500_000, [
      { what: 'dropped', lane: 0, i: 123_456 },
      { what: 'doubled', lane: 1, i: 499_999 },
      { what: 'altered', lane: 1, i: 250_000 },
    ]);
  }, 60_000);

  it('finds nothing where nothing befell, and any one record wherever it is: a hundred of a hundred', () => {
    expectFound(1_000, []);
    fc.assert(
      fc.property(
        fc.record({
          what: fc.constantFrom<Mishap>('dropped', 'doubled', 'altered'),
          lane: fc.integer({ min: 0, max: LANES - 1 }),
          i: fc.integer({ min: 0, max: 999 }),
        }),
        (victim) => expectFound(1_000, [victim]),
      ),
      { numRuns: 100 },
    );
  }, 60_000);
});
