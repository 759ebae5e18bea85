import { ActivityFailure, ApplicationFailure, proxyActivities, sleep, workflowInfo } from '@temporalio/workflow';
import type { Answer } from '../activities/athena/query.ts';
import type { Crawled } from '../activities/glue/crawl.ts';
import type { Activities } from '../activities/index.ts';
import { type Pipeline, speedOf } from '../pipeline/spec.ts';

const act = proxyActivities<Activities>({
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '5 seconds',
  scheduleToCloseTimeout: '30 minutes',
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.4, maximumInterval: '10 seconds' },
});

const ROLE_MS = 5_000;

/** One crawl, joining one that already runs; returns what it left. Fails with Glue's reason if the crawl fails; while its role is new, it is tried again. */
export async function crawl({ pipeline }: { pipeline: Pipeline }): Promise<Crawled> {
  for (;;) {
    const since = await act['crawl.start'](pipeline);
    try {
      return await act['crawl.finished'](pipeline, since);
    } catch (error) {
      const isEarly = error instanceof ActivityFailure && error.cause instanceof ApplicationFailure && error.cause.type === 'RoleNotSpread';
      if (!isEarly) throw error;
      await sleep(ROLE_MS / speedOf(pipeline));
    }
  }
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
