import { PutRecordCommand, UpdateShardCountCommand } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Clients, clients, quicksightIn } from '../activities/aws.ts';
import { isOpen, shardsOf } from '../activities/kinesis/shards.ts';
import type { Application } from '../activities/kinesis-analytics-v2/configuration.ts';
import { buildNote, windowSecondsIn } from '../activities/kinesis-analytics-v2/note.ts';
import { resumePoint } from '../activities/kinesis-analytics-v2/resume.ts';
import { pollUntil } from '../activities/poll.ts';
import { preflight } from '../activities/preflight.ts';
import { stageActivities } from '../activities/registry.ts';
import { statement } from '../activities/sql.ts';
import type { Local } from '../local/start.ts';
import { dashboardDefinition } from '../pipeline/dashboard.ts';
import { type LakeTable, names } from '../pipeline/names.ts';
import { heartbeat } from '../pipeline/simulation.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import { HOUR_MS } from '../pipeline/time.ts';
import { eventually } from './eventually.ts';
import { matchFrom, metricsRows, putRows } from './lake.ts';
import { localAws } from './local-aws.ts';
import { type Row, stamp } from './recomputed.ts';

const HOUR = Date.UTC(2026, 10, 23, 18);
const pipelineOf = (spec: object): Pipeline => ({ ...parseSpec({ name: 'windowed', ...spec }), account: '000000000000' });
const pipeline = pipelineOf({ windowSeconds: 10 });

let local: Local;
let aws: Clients;
let act: ReturnType<typeof stageActivities>;

beforeAll(async () => {
  local = await localAws();
  aws = clients(local);
  act = stageActivities(aws);
});

afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

describe('the history on the dashboard', () => {
  it.each([
    [10, 'minute', 'MINUTE', "'11940' SECOND AS timestamp(3)) THEN date_trunc('minute', window_start)"],
    [60, 'minute', 'MINUTE', "'11940' SECOND AS timestamp(3)) THEN date_trunc('minute', window_start)"],
    [7, 'window', 'SECOND', "'1393' SECOND AS timestamp(3)) THEN window_start"],
    [120, 'window', 'SECOND', "'23880' SECOND AS timestamp(3)) THEN window_start"],
  ])('of windows of %i s is by the %s while it is short', (windowSeconds, step, granularity, column) => {
    const of = pipelineOf({ windowSeconds });
    const { Sheets: [sheet] = [] } = dashboardDefinition(of);
    const chart = sheet?.Visuals?.find(({ LineChartVisual: line }) => line?.VisualId === 'history')?.LineChartVisual;
    const [time] = chart?.ChartConfiguration?.FieldWells?.LineChartAggregatedFieldWells?.Category ?? [];
    expect(chart?.Subtitle?.FormatText?.PlainText).toMatch(`by the ${step}, hour or day`);
    expect(time?.DateDimensionField?.DateGranularity).toBe(granularity);
    expect(statement(of, 'quicksight/history.sql')).toContain(column);
  });
});

const up = async (...stages: Stage[]) => {
  for (const stage of stages) {
    await eventually(() => act[`${stage}.ensure`](pipeline));
    await eventually(() => act[`${stage}.ready`](pipeline));
  }
};

describe('the length of the windows', () => {
  const checked = async (spec: object) => {
    const all = await preflight(aws, quicksightIn(local))['account.check'](pipelineOf(spec));
    const { state, message } = all.find(({ name }) => name === 'windows')!;
    return `${state}: ${message}`;
  };
  const refusal =
    'refused: windowSeconds cannot change from 10 to 60 while there are windows of 10 s; take the pipeline down with its data (npx d2d down), or name the new one otherwise';

  it('may be any while there are none', async () => {
    for (const windowSeconds of [1, 10, 60]) expect(await checked({ windowSeconds })).toBe('ok: there are none yet');
  });

  it('cannot change while the SQL stands', async () => {
    await up('bucket', 'studioRole', 'studioLogs', 'flinkDatabase', 'events', 'studio');
    expect(await checked({ windowSeconds: 10, shards: 3, generator: { rate: 50 } })).toBe('ok: they are 10 s long');
    expect(await checked({ windowSeconds: 60 })).toBe(refusal);
  });

  it('cannot change while the lake keeps windows, though the SQL is gone', async () => {
    await eventually(() => act['studio.remove'](pipeline));
    await eventually(() => act['studio.gone'](pipeline));
    expect(await checked({ windowSeconds: 60 })).toBe('ok: there are none yet');
    await putRows(aws, pipeline, 'team_metrics', 'kept', metricsRows(matchFrom(HOUR), [], 10).team_metrics);
    expect(await checked({ windowSeconds: 10 })).toBe('ok: they are 10 s long');
    expect(await checked({ windowSeconds: 60 })).toBe(refusal);
  });

  it('is not read off a note that is not as the pipeline has it', () => {
    const note = buildNote(pipeline, { shards: ['shardId-000000000001', 'shardId-000000000002'], from: HOUR });
    expect(windowSecondsIn(note, pipelineOf({ windowSeconds: 60 }))).toBe(10);
    expect(windowSecondsIn(note.replace("INTERVAL '10' SECOND(4)", "INTERVAL '20' SECOND(4)"), pipeline)).toBeUndefined();
    expect(windowSecondsIn('{}', pipeline)).toBeUndefined();
    expect(windowSecondsIn(undefined, pipeline)).toBeUndefined();
  });
});

describe('where the SQL goes on', () => {
  it('lies before the last window of the table that lacks the most', async () => {
    const of = pipelineOf({ name: 'lacking', windowSeconds: 10 });
    for (const stage of ['bucket', 'events'] as const) {
      await eventually(() => act[`${stage}.ensure`](of));
      await eventually(() => act[`${stage}.ready`](of));
    }
    const all = Object.entries(metricsRows(matchFrom(HOUR), [], 10)).filter(([table]) => table !== 'late_events') as [LakeTable, Row[]][];
    for (const [table, rows] of all) await putRows(aws, of, table, 'a', rows);
    const from = async () => (await resumePoint(aws, of, undefined)).from;
    const whole = await from();
    expect(whole).toBeGreaterThan(HOUR - 70_000);
    for (const [table, rows] of all) {
      await putRows(
        aws,
        of,
        table,
        'a',
        rows.filter(({ window_start: start }) => start === stamp(HOUR)),
      );
      expect({ table, from: await from() }).toEqual({ table, from: HOUR - 70_000 });
      await putRows(aws, of, table, 'a', rows);
      expect(await from()).toBe(whole);
    }
  });

  it('lies, where rows were lost, before all that a delivery could lack then, and before what the lake lacks now', async () => {
    const of = pipelineOf({ name: 'lacking', windowSeconds: 10, delivery: { seconds: 60 } });
    const lostFrom = async (time: number) => (await resumePoint(aws, of, undefined, time)).from;
    const inLake = (await resumePoint(aws, of, undefined)).from!;
    expect(await lostFrom(HOUR)).toBe(HOUR - 130_000);
    expect(await lostFrom(inLake + HOUR_MS)).toBe(inLake);
    expect(await lostFrom(0)).toBeUndefined();
  });

  it('lies before the first arrival in each shard that came since the note, and reads one that is closed again while it holds anything', async () => {
    const of = pipelineOf({ name: 'reshaped', shards: 1 });
    const { events } = names(of).streams;
    for (const stage of ['bucket', 'events'] as const) {
      await eventually(() => act[`${stage}.ensure`](of));
      await eventually(() => act[`${stage}.ready`](of));
    }
    const ahead = Math.floor(Date.now() / HOUR_MS + 5) * HOUR_MS;
    for (const [table, rows] of Object.entries(metricsRows(matchFrom(ahead), [], 10)))
      if (table !== 'late_events') await putRows(aws, of, table as LakeTable, 'a', rows);
    const found = {
      ApplicationStatus: 'READY',
      ApplicationConfigurationDescription: {
        ApplicationCodeConfigurationDescription: { CodeContentDescription: { TextContent: buildNote(of) } },
      },
    } as Application;
    const look = () => resumePoint(aws, of, found);
    expect((await look()).from).toBeGreaterThan(Date.now());
    const open = async () => (await shardsOf(aws.kinesis, events)).filter(isOpen);
    const scaled = async (TargetShardCount: number) => {
      await aws.kinesis.send(new UpdateShardCountCommand({ StreamName: events, TargetShardCount, ScalingType: 'UNIFORM_SCALING' }));
      await pollUntil(open, ({ length }) => length === TargetShardCount, { within: 20_000, what: 'the reshard' });
    };
    await scaled(2);
    const [, child] = await open();
    const Data = Buffer.from(JSON.stringify(heartbeat('h', 1, Date.now())));
    await aws.kinesis.send(
      new PutRecordCommand({ StreamName: events, Data, PartitionKey: 'h', ExplicitHashKey: child!.HashKeyRange!.StartingHashKey }),
    );
    await scaled(1);
    const { from, shards } = await look();
    expect(from).toBeLessThan(Date.now() - 60_000);
    expect(shards).toEqual([child!.ShardId, (await open())[0]!.ShardId]);
  });
});
