import { executeChild, proxyActivities, sleep } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { type Audit, mismatches } from '../pipeline/audit.ts';
import type { Game } from '../pipeline/event.ts';
import { milliseconds, type Pipeline } from '../pipeline/spec.ts';
import { crawl, query } from './scheduled.ts';
import { introduced } from './story.ts';

const act = proxyActivities<Activities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '5 seconds',
  summary: 'counts every event everywhere',
});

/** Counts the first `generated` events of a game everywhere, again and again until all agree or patience ends; the last count is returned either way. */
export async function audit({
  pipeline,
  game,
  generated,
  patience,
}: {
  pipeline: Pipeline;
  game: Game;
  generated: number;
  patience: `${number} seconds`;
}): Promise<Audit> {
  const until = Date.now() + milliseconds(patience);
  const truth = await act['audit.generated'](game, generated);
  let lake = await act['audit.lake'](pipeline);
  while (lake.ids < generated && Date.now() < until) {
    await sleep('2 seconds', { summary: 'until more has come through' });
    lake = await act['audit.lake'](pipeline);
  }
  for (;;) {
    await executeChild(crawl, { args: [{ pipeline }], ...introduced(pipeline, 'crawls what is to be counted') });
    const found = await count(pipeline);
    const inStream = await act['audit.stream'](pipeline);
    const report: Audit = {
      generated,
      inStream: inStream.ids,
      inS3: lake.ids,
      inAthena: found.events,
      lost: generated - Math.min(inStream.ids, lake.ids, found.events),
      duplicates: found.duplicates,
      resent: inStream.copies,
      heartbeats: inStream.heartbeats,
      killsGenerated: truth.kills,
      killsOnDashboard: found.killsOnDashboard,
      windowsChecked: found.windowsChecked,
      windowsWrong: found.windowsWrong,
    };
    if (mismatches(report).length === 0 || Date.now() >= until) return report;
    await sleep('2 seconds', { summary: 'until more has come through' });
    lake = await act['audit.lake'](pipeline);
  }
}

async function count(pipeline: Pipeline) {
  const [counts, windows] = await executeChild(query, {
    args: [{ pipeline, questions: ['pipeline_counts', 'windows_wrong'] }],
    ...introduced(pipeline, 'counts what Athena sees'),
  });
  const number = (answer: typeof counts, column: string) => Number(answer?.rows[0]?.[answer.columns.indexOf(column)] ?? Number.NaN);
  return {
    events: number(counts, 'events'),
    duplicates: number(counts, 'duplicates'),
    windowsChecked: number(windows, 'windows_checked'),
    windowsWrong: number(windows, 'windows_wrong'),
    killsOnDashboard: await act['audit.dashboard'](pipeline),
  };
}
