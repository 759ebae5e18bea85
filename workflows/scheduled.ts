import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { Answer } from '../activities/athena/query.ts';
import type { Activities } from '../activities/index.ts';
import type { Pipeline } from '../pipeline/spec.ts';

const act = proxyActivities<Activities>({
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '5 seconds',
  scheduleToCloseTimeout: '30 minutes',
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.4, maximumInterval: '10 seconds' },
});

/** One crawl, joining one that already runs; returns the tables it left. Fails with Glue's reason if the crawl fails. */
export async function crawl({ pipeline }: { pipeline: Pipeline }): Promise<string[]> {
  const since = await act['crawl.start'](pipeline);
  return act['crawl.finished'](pipeline, since);
}

/** Runs questions of `sql/athena/` by name, all when none is named. The same run never starts a query twice. */
export async function query({ pipeline, questions }: { pipeline: Pipeline; questions?: string[] }): Promise<Answer[]> {
  const { runId } = workflowInfo();
  const asked = questions ?? (await act['query.questions'](pipeline));
  return Promise.all(
    asked.map(async (question) => {
      const id = await act['query.start'](pipeline, question, runId);
      return act['query.finished'](pipeline, question, id);
    }),
  );
}

/** One refresh of the SPICE data set, joining one under way; fails with QuickSight's reason if the ingestion does. Returns the rows loaded. */
export async function refresh({ pipeline }: { pipeline: Pipeline }): Promise<number> {
  const ingestion = await act['refresh.start'](pipeline, workflowInfo().runId);
  return act['refresh.finished'](pipeline, ingestion);
}
