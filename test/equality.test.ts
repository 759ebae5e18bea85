import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Clients, clients } from '../activities/aws.ts';
import type { Local } from '../local/start.ts';
import { type LakeTable, names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { localAws } from './local-aws.ts';
import { ASKED, type Asked, keyOf, type Row, type Rows, recomputed, stamp } from './recomputed.ts';
import { APART_MS, lanesOf, type Scenario, scenario, sentBy, toldApart } from './scenarios.ts';
import { studioFlinkOf } from './studio-flink.ts';
import { type Sent, studioOf } from './studio-metrics.ts';

const WINDOW_MS = 10_000;
const PATIENCE_MS = 120_000;
/** Event times of an hour ago, at a full minute: a restart reads what arrived since a time of events. */
const BEGIN = Math.floor(Date.now() / 60_000) * 60_000 - 3_600_000;
/** Longer than from one checkpoint of Flink's to the next. */
const REFUSED_MS = 20_000;
/** How many events of a lane come in at a time before a restart, and how many only after it. */
const [STEP, LEFT] = [5, 100];
const LATE = { late: 0.05 };
const TWICE = { duplicate: 0.1 };
const BOTH = { late: 0.05, duplicate: 0.1 };

interface Life {
  /** Studio's own, without Studio; left out: the one of the local AWS. */
  flink?: '1.15';
  shards: number;
  scenarios: Scenario[];
  /** What is done to the running SQL, and between the events of which scenario. */
  during?: { scenario: string; act: 'restart' };
  /** What is done when all is over. */
  after?: 'replay';
}

const at = (shards: number, named: [string, Parameters<typeof scenario>[3]?][]): Scenario[] =>
  named.map(([name, trouble], i) => ({ ...scenario(`${name} over ${shards}`, i, shards, trouble), base: BEGIN + i * APART_MS }));

const LIVES: Life[] = [
  { shards: 1, scenarios: at(1, [['plain'], ['duplicates', { trouble: TWICE }], ['late', { trouble: LATE }]]), after: 'replay' },
  {
    shards: 2,
    scenarios: at(2, [['plain'], ['restart', { trouble: BOTH }]]),
    during: { scenario: 'restart over 2', act: 'restart' },
  },
  {
    shards: 4,
    scenarios: at(4, [
      ['idle shard', { idle: [2], trouble: BOTH }],
      ['late', { trouble: LATE }],
    ]),
    after: 'replay',
  },
  { shards: 8, scenarios: at(8, [['all troubles', { trouble: BOTH, broken: true }]]) },
  { flink: '1.15', shards: 4, scenarios: at(4, [['plain'], ['all troubles, idle shard', { idle: [1], trouble: BOTH, broken: true }]]) },
];

let local: Local;
let aws: Clients;

beforeAll(async () => {
  local = await localAws();
  aws = clients(local);
});

afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

const titled = LIVES.map((life) => ({ ...life, title: `${life.shards} shards${life.flink ? ` on Flink ${life.flink}` : ''}` }));

describe.each(titled)('the metrics over $title', ({ flink, shards, scenarios, during, after }) => {
  const pipeline: Pipeline = { ...parseSpec({ name: `equal-${shards}${flink ? '-flink' : ''}`, shards }), account: '000000000000' };
  let wanted: Map<string, Record<Asked, Rows>>;
  let studio: ReturnType<typeof studioOf>;
  let game: Pick<typeof studio, 'bringUp' | 'shards' | 'put' | 'rows' | 'stop'>;

  beforeAll(async () => {
    wanted = new Map(scenarios.map((scene) => [scene.name, wantedOf(scene)]));
    studio = studioOf(aws, pipeline);
    game = flink ? studioFlinkOf(aws, local, pipeline) : studio;
    await game.bringUp();
    for (const scene of scenarios) await play(scene, scene.name === during?.scenario ? restartThrottled : undefined);
    await complete();
  });

  afterAll(() => game.stop());

  const pairs = scenarios.flatMap(({ name }) => ASKED.map((asked) => ({ asked, name })));
  it.each(pairs)('$asked, $name, equal a recomputation from the events', async ({ asked, name }) => {
    expect(sorted(found(await game.rows(), asked, scenarioOf(name)))).toEqual(sorted(wanted.get(name)![asked]));
  });

  it('have something to compare in every scenario', () => {
    for (const { name, game: played } of scenarios) {
      for (const asked of ASKED) if (asked !== 'late events') expect(wanted.get(name)![asked].size).toBeGreaterThan(10);
      expect(wanted.get(name)!['late events'].size > 0).toBe(played.trouble.late > 0);
    }
  });

  if (during)
    it('went on behind the last window that was out', async () => {
      const from = (await studio.reading())?.from ?? 0;
      const { base } = scenarioOf(during.scenario);
      expect(from).toBeGreaterThan(base);
      expect(from).toBeLessThan(base + APART_MS / 2);
    });

  if (after === 'replay')
    it('come out the same, row by row, when all is read again from TRIM_HORIZON', async () => {
      const before = await game.rows();
      const counts = Object.fromEntries(Object.entries(before).map(([table, rows]) => [table, rows.length]));
      await studio.stop();
      await studio.run();
      await until(async () => Object.entries(await game.rows()).every(([table, rows]) => rows.length >= 2 * counts[table]!));
      const again = await game.rows();
      for (const [table, rows] of Object.entries(again)) {
        const [first, second] = [rows.slice(0, counts[table]), rows.slice(counts[table])];
        expect(second.map(withoutWatermark).map(canonical).sort()).toEqual(first.map(withoutWatermark).map(canonical).sort());
      }
    });

  const scenarioOf = (name: string) => scenarios.find((scene) => scene.name === name)!;

  /** Restarts the SQL while the streams that it writes into refuse all rows for a while: its sinks hold them back. */
  async function restartThrottled(): Promise<void> {
    const caller = `role/${names(pipeline).roles.studio}`;
    local.faults.put({ rules: [{ operation: 'PutRecords', caller, fault: { kind: 'partial', share: 1 } }] });
    const lifted = delay(REFUSED_MS).then(() => {
      const [{ struck } = { struck: 0 }] = local.faults.counts();
      local.faults.put({ rules: [] });
      return struck;
    });
    const [struck] = await Promise.all([lifted, studio.restart()]);
    expect(struck).toBeGreaterThan(0);
  }

  /** Sends a scenario, all lanes at once; of one that the SQL is restarted in the middle of, the second half comes in slowly until it is stopped. */
  async function play(scene: Scenario, restart?: () => Promise<void>): Promise<void> {
    const open = await game.shards();
    const lanes = lanesOf(scene).map((lane): Sent[] =>
      sentBy(scene, lane).map((json) => ({ json, key: open[lane]!.HashKeyRange!.StartingHashKey! })),
    );
    if (!restart) return void (await Promise.all(lanes.map(game.put)));
    const middle = lanes.map((records) => Math.floor(records.length / 2));
    await Promise.all(lanes.map((records, i) => game.put(records.slice(0, middle[i]))));
    await until(async () => found(await game.rows(), 'players', scene).size > 0);
    const begun = Date.now();
    const isStopped = () => local.calls.all().some(({ operation, at: time }) => operation === 'StopApplication' && time >= begun);
    const second = lanes.map(async (records, i) => {
      let next = middle[i]!;
      for (; next < records.length - LEFT && !isStopped(); next += STEP) {
        await game.put(records.slice(next, next + STEP));
        await delay(250);
      }
      await until(async () => isStopped());
      await game.put(records.slice(next));
    });
    await Promise.all([restart(), ...second]);
  }

  /** Until every row that is wanted has come, under whatever values. */
  async function complete(): Promise<void> {
    const missing = async () => {
      const rows = await game.rows();
      return scenarios.flatMap((scene) =>
        ASKED.flatMap((asked) => {
          const there = found(rows, asked, scene);
          return [...wanted.get(scene.name)![asked].keys()].filter((key) => !there.has(key));
        }),
      );
    };
    await until(async () => (await missing()).length === 0).catch(() => undefined);
  }
});

function wantedOf(scene: Scenario): Record<Asked, Rows> {
  const { onTime, late } = toldApart(scene);
  return recomputed(onTime, late, WINDOW_MS);
}

const TABLES: Record<Asked, LakeTable> = {
  players: 'player_metrics',
  'sliding players': 'player_metrics',
  teams: 'team_metrics',
  leaderboards: 'leaderboards',
  servers: 'server_metrics',
  'late events': 'late_events',
};

/** The rows of a scenario's windows, by key: of two for one key, as a restart leaves them for windows that it saw only the end of, the one that counts more. */
function found(all: Record<string, Row[]>, asked: Asked, { base }: Scenario): Rows {
  const [from, to] = [base - 60_000, base + APART_MS - 60_000].map(stamp) as [string, string];
  const rows: Rows = new Map();
  for (const row of all[TABLES[asked]]!) {
    const time = String(row.event_time ?? row.window_start);
    if (time < from || time >= to || row.event_type === 'heartbeat') continue;
    if (asked.endsWith('players') && isSliding(row) !== (asked === 'sliding players')) continue;
    const before = rows.get(keyOf(row));
    if (!before || size(before) <= size(row)) rows.set(keyOf(row), row);
  }
  return rows;
}

const isSliding = ({ window_start: start, window_end: end }: Row) => Date.parse(`${end}Z`) - Date.parse(`${start}Z`) !== WINDOW_MS;
const size = ({ kills = 0, deaths = 0, assists = 0, events = 0, objectives = 0, points = 0, matches_ended: ended = 0 }: Row): number =>
  [kills, deaths, assists, events, objectives, points, ended].map(Number).reduce((a, b) => a + b);

const sorted = (rows: Rows): Row[] => [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => withoutWatermark(row));
/** When exactly a watermark comes is Flink's business. */
const withoutWatermark = ({ watermark_at: _, ...row }: Row): Row => row;
const canonical = (row: Row) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)));

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !(await isSo()); await delay(200))
    if (Date.now() > end) throw new Error('it did not come to be');
}
