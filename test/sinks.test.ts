import { expect, it } from '@jest/globals';
import { hasRestarted, type Job, jobOf, sinksOf } from '../activities/kinesis-analytics-v2/job.ts';
import type { Session } from '../activities/kinesis-analytics-v2/session.ts';

const vertex = (id: string, parallelism: number) => ({ id, name: id, parallelism });
const job: Job = { states: ['RUNNING'], id: 'j', latest: 'j', now: 1, vertices: [vertex('a', 2), vertex('b', 1), vertex('c', 1)] };
/** Flink's metrics of each subtask, by vertex. */
const METRICS: Record<string, Record<string, number>[]> = {
  // As Flink 1.20 counts, with two sinks in one vertex.
  a: [
    {
      'x[1]__Writer.numRecordsIn': 7,
      'x[1]__Writer.numRecordsSend': 9,
      'x[1]__Writer.numRecordsSendErrors': 3,
      'x[1]__Writer.numRecordsOut': 0,
    },
    {
      'x[1]__Writer.numRecordsIn': 5,
      'x[1]__Writer.numRecordsSend': 5,
      'x[1]__Writer.numRecordsSendErrors': 0,
      'x[1]__Writer.numRecordsOut': 0,
    },
  ],
  // As 1.15 does.
  b: [
    {
      'Sink__y:_Writer.numRecordsIn': 4,
      'Sink__y:_Writer.numRecordsOut': 3,
      'Sink__y:_Writer.numRecordsOutErrors': 1,
      'Calc.numRecordsIn': 99,
    },
  ],
  c: [{ 'Calc.numRecordsIn': 99 }],
};

const flink: Session = async (_method, path) => {
  const { pathname, searchParams } = new URL(path, 'http://flink');
  const [, id, subtask] = /\/vertices\/(\w)\/subtasks\/(?:(\d)\/)?metrics$/.exec(pathname) ?? [];
  if (id === undefined) throw new Error(`nobody asks for ${path}`);
  const asked = searchParams.get('get')?.split(',');
  if (asked === undefined) return Object.keys(METRICS[id]![0]!).map((metric) => ({ id: metric })) as never;
  const values = METRICS[id]![Number(subtask)]!;
  return asked.map((metric) => ({ id: metric, value: `${values[metric]}` })) as never;
};

it('the rows of each sink are counted subtask by subtask, whatever its version calls them', async () => {
  expect(await sinksOf(flink, job)).toEqual([
    { taken: 7, sent: 9, refused: 3 },
    { taken: 5, sent: 5, refused: 0 },
    { taken: 4, sent: 3, refused: 1 },
  ]);
});

it('a job that has gone on from a checkpoint by itself is told from one that has not', async () => {
  const told = (counts: object) => hasRestarted(async () => ({ counts }), job);
  expect([await told({ restored: 0 }), await told({}), await told({ restored: 2 })]).toEqual([false, false, true]);
});

it('the job of the note is told from those that people run besides, by the tables that it reads and writes', async () => {
  const sinks = ['player_metrics', 'team_metrics', 'leaderboards', 'server_metrics', 'late_events'];
  const jobs: Record<string, string[]> = {
    query: ['Source: game_events[1] -> Calc[2]', 'Sink: Collect table sink'],
    copy: ['Source: game_events[1]', ...sinks.map((table) => `my_${table}[9]: Writer`)],
    // As Flink chains them, and as 1.15 names them where it does not simplify.
    note: ['Source: game_events[1] -> Calc[2]', `Calc[3] -> (${sinks.map((table) => `${table}[9]: Writer`).join(', ')})`],
    plain: ['Source: TableSourceScan(table=[[hive, db, game_events]])', ...sinks.map((table) => `Sink: Sink(table=[hive.db.${table}])`)],
  };
  const found = async (...running: [string, string][]) => {
    const all = running.map(([jid, state], i) => ({ jid, state, 'start-time': i }));
    const at: Session = async (_method, path) => {
      const jid = /\/jobs\/(\w+)$/.exec(path)![1]!;
      return jid === 'overview'
        ? { jobs: all }
        : { now: 5, vertices: jobs[jid]!.map((name, id) => ({ id: `${id}`, name, parallelism: 1 })) };
    };
    const { id, latest } = await jobOf(at);
    return [id, latest];
  };
  expect(await found(['query', 'RUNNING'], ['copy', 'RUNNING'], ['note', 'RUNNING'])).toEqual(['note', 'note']);
  expect(await found(['plain', 'RUNNING'], ['query', 'RUNNING'])).toEqual(['plain', 'plain']);
  expect(await found(['plain', 'CANCELED'], ['note', 'FAILED'], ['query', 'RUNNING'])).toEqual([undefined, 'note']);
  expect(await found(['query', 'RUNNING'])).toEqual([undefined, undefined]);
});
