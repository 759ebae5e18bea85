import {
  ActivityFailure,
  ApplicationFailure,
  proxyActivities,
  setCurrentDetails,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Answer } from '../activities/athena/query.ts';
import type { Calls } from '../activities/calls.ts';
import type { Crawled } from '../activities/glue/crawl.ts';
import type { Activities } from '../activities/index.ts';
import type { Refreshed } from '../activities/quicksight/refresh.ts';
import { type Pipeline, speedOf } from '../pipeline/spec.ts';
import { learned, type Seen } from '../pipeline/waiting.ts';
import { LONG } from './activity-options.ts';
import { answerDetails, crawlDetails, stateAttribute } from './story.ts';

const act = proxyActivities<Activities>({ ...LONG, summary: 'the questions there are' });

/** Until a crawl is tried again whose role is new, of AWS's time. */
const ROLE_MS = 5_000;
/** The same of a refresh: each counts towards what QuickSight allows a day. */
const REFRESH_ROLE_MS = 60_000;

/** What a crawl left, and the waits seen by then. */
type Crawl = Crawled & Calls & { seen?: Seen };

/**
 * One crawl, joining one that already runs; `seen` are the waits for earlier ones. Fails with Glue's reason if the crawl fails; while its role is new, it is tried
 * again.
 */
export async function crawl({ pipeline, seen }: { pipeline: Pipeline; seen?: Seen }): Promise<Crawl> {
  for (let requestedAt = workflowInfo().startTime.getTime(); ; requestedAt = Date.now()) {
    const since = await act['crawl.since'].executeWithOptions({ summary: 'the crawl before' }, [pipeline, requestedAt]);
    const started = await act['crawl.start'].executeWithOptions({ summary: 'starts or joins a crawl' }, [pipeline, since]);
    try {
      const began = Date.now();
      // One that was joined may be nearly over.
      const isWhole = started?.started === true;
      const known = isWhole ? seen : undefined;
      const crawled = await act['crawl.finished'].executeWithOptions({ summary: 'what it left' }, [pipeline, since, known]);
      setCurrentDetails(crawlDetails(crawled));
      const waits = isWhole ? learned(seen, (Date.now() - began) * speedOf(pipeline)) : seen;
      return { ...crawled, ...callsOf(since, started, crawled), seen: waits };
    } catch (error) {
      if (!isEarly(error)) throw error;
      await sleep(ROLE_MS / speedOf(pipeline), { summary: "until the crawler's role has spread" });
    }
  }
}

const isEarly = (error: unknown): boolean =>
  error instanceof ActivityFailure && error.cause instanceof ApplicationFailure && error.cause.type === 'RoleNotSpread';

/** The sum of what activities say of their calls to AWS. */
export const callsOf = (...done: (Partial<Calls> | null | undefined)[]): Calls => ({
  calls: done.reduce((sum, each) => sum + (each?.calls ?? 0), 0),
  mutatingCalls: done.reduce((sum, each) => sum + (each?.mutatingCalls ?? 0), 0),
});

/** Runs questions of `sql/athena/` by name, all when none is named. The same run never starts a query twice. */
export async function query({ pipeline, questions }: { pipeline: Pipeline; questions?: string[] }): Promise<Answer[]> {
  const { runId } = workflowInfo();
  const selected = questions ?? (await act['query.questions'](pipeline));
  const answers = await Promise.all(
    selected.map(async (question) => {
      const id = await act['query.start'].executeWithOptions({ summary: question }, [pipeline, question, runId]);
      return act['query.finished'].executeWithOptions({ summary: question }, [pipeline, question, id]);
    }),
  );
  setCurrentDetails(answerDetails(answers));
  return answers;
}

/** What a refresh did: rows loaded, or why there was none. */
export type Refresh = { rows: number } | { skipped: string };

/** One refresh of a SPICE data set, joining one under way, and skipped beyond QuickSight's quota; fails with QuickSight's reason if the ingestion does; while its role is new, it is tried again. */
export async function refresh({ pipeline, dataSet }: { pipeline: Pipeline; dataSet: Refreshed }): Promise<Refresh> {
  const { runId } = workflowInfo();
  for (let attempt = 1; ; attempt++) {
    // An ingestion that failed keeps its name.
    const run = attempt === 1 ? runId : `${runId}-${attempt}`;
    const begun = await act['refresh.start'].executeWithOptions({ summary: dataSet }, [pipeline, dataSet, run]);
    if ('skipped' in begun) {
      upsertSearchAttributes([stateAttribute('skipped')]);
      setCurrentDetails(`Skipped: ${begun.skipped}.`);
      return begun;
    }
    try {
      const { ingestion, seen } = begun;
      const rows = await act['refresh.finished'].executeWithOptions({ summary: dataSet }, [pipeline, dataSet, ingestion, seen]);
      setCurrentDetails(`${rows} rows of ${dataSet} loaded into SPICE.`);
      return { rows };
    } catch (error) {
      if (!isEarly(error)) throw error;
      await sleep(REFRESH_ROLE_MS / speedOf(pipeline), { summary: "until QuickSight's role has spread" });
    }
  }
}
