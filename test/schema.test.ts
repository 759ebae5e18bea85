import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { columnsOf, EVENT, EVENT_TYPES, flinkColumns, glueColumns } from '../pipeline/schema.ts';
import { eventsPage } from '../setup/docs/events-page.ts';

it('is what docs/events.md says; if not: npm run docs', () => {
  expect(readFileSync(new URL('../docs/events.md', import.meta.url), 'utf8')).toBe(eventsPage());
});

it('has names that Flink, Glue and Athena take as they are, and only types of event that there are', () => {
  for (const [name, { of }] of Object.entries(EVENT)) {
    expect(name).toMatch(/^[a-z][a-z_]*$/);
    if (of !== 'all') for (const type of of) expect(Object.keys(EVENT_TYPES)).toContain(type);
  }
});

it('tells Flink and Glue of every column, in order', () => {
  expect(Object.keys(glueColumns())).toEqual(Object.keys(EVENT));
  expect(glueColumns()).toMatchObject({ event_id: 'string', event_time: 'string', distance: 'double', points: 'int or bigint' });
  expect(
    flinkColumns()
      .split(',\n  ')
      .map((line) => line.split(' ')[0]),
  ).toEqual(Object.keys(EVENT));
  expect(flinkColumns()).toMatch(/^event_id AS JSON_VALUE\(line, '\$\.event_id'\),\n {2}event_type AS /);
  expect(flinkColumns()).toContain("event_time AS TRY_CAST(REPLACE(JSON_VALUE(line, '$.event_time'), 'T', ' ') AS TIMESTAMP(3)),");
  expect(flinkColumns()).toContain("distance AS TRY_CAST(JSON_VALUE(line, '$.distance') AS DOUBLE),");
  expect(flinkColumns()).toMatch(/'\$\.blue_score'\) AS INT\)$/);
});

it('says what each type of event carries', () => {
  const all = ['event_id', 'event_type', 'event_time', 'match_id', 'server_id'];
  expect(columnsOf('heartbeat')).toEqual({ always: all, sometimes: [] });
  expect(columnsOf('match_end')).toEqual({ always: [...all, 'winner_team', 'red_score', 'blue_score'], sometimes: [] });
  expect(columnsOf('telemetry').sometimes).toEqual(['battery', 'network']);
});

it('can be that of another event', () => {
  const types = { sale: 'Something is sold.' };
  const columns = {
    sale_id: { type: 'string', of: 'all', doc: 'its id' },
    sold_at: { type: 'timestamp', of: 'all', doc: 'when' },
    pieces: { type: 'bigint', of: ['sale'], only: 'if several', doc: 'how many' },
  } as const;
  expect(flinkColumns(columns)).toBe(
    "sale_id AS JSON_VALUE(line, '$.sale_id'),\n  sold_at AS TRY_CAST(REPLACE(JSON_VALUE(line, '$.sold_at'), 'T', ' ') AS TIMESTAMP(3)),\n  pieces AS TRY_CAST(JSON_VALUE(line, '$.pieces') AS BIGINT)",
  );
  expect(glueColumns(columns)).toEqual({ sale_id: 'string', sold_at: 'string', pieces: 'int or bigint' });
  expect(eventsPage(types, columns, ['{}'])).toContain('| `sale` | Something is sold. | pieces (if several) |');
});
