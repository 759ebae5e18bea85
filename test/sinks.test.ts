import { expect, it } from '@jest/globals';
import { hasRestarted, type Job, sinksOf } from '../activities/kinesis-analytics-v2/job.ts';
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
