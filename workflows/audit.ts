import { executeChild, getExternalWorkflowHandle, patched, proxyActivities, setCurrentDetails, sleep } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { PlaceName } from '../activities/places.ts';
import type { Holding } from '../activities/tally.ts';
import { type Audit, mismatches, type PlaceCount } from '../pipeline/audit.ts';
import { milliseconds } from '../pipeline/duration.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, speedOf } from '../pipeline/spec.ts';
import { audited, type Settlement } from './messages.ts';
import { crawl, query } from './scheduled.ts';
import { auditDetails, introduced } from './story.ts';

const act = proxyActivities<Activities>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '5 seconds',
  summary: 'counts every event everywhere',
});

/** A bucket that is on its way out takes no audit, which is no reason to wait for long. */
const PUBLISHING = { summary: 'for the dashboard', scheduleToCloseTimeout: '2 minutes' } as const;

const AGAIN_MS = 2_000;
const HOUR_MS = 3_600_000;
/** Records go a while before, or after, their time. */
const FORGETTING_MS = 600_000;

/** What is to be counted: what happened within the last `hours` (left out: everything), and how long what is still on its way is waited for. */
export interface AuditWish {
  pipeline: Pipeline;
  hours?: number;
  patience: `${number} seconds`;
}

/**
 * Has the generator write down its ledger, then counts everywhere what that says was sent, again and again until all agrees or patience ends; the last count is
 * returned either way, told to the pipeline, and written down for the dashboard. What a game that goes on sends meanwhile is the next audit's.
 */
export async function audit({ pipeline, hours, patience }: AuditWish): Promise<Audit> {
  const since = hours === undefined ? 0 : Date.now() - hours * HOUR_MS;
  const until = Date.now() + milliseconds(patience);
  const settled = await act['generator.settle'].executeWithOptions({ summary: 'the ledger up to now' }, [pipeline]);
  // Audits of an earlier version did one thing after the other.
  const together = patched('audit-side-by-side') ? atOnce : inTurn;
  /** The stream forgets what is older than its retention. */
  const kept = () => Date.now() - pipeline.keep.streamHours * HOUR_MS + FORGETTING_MS;
  const look = (place: PlaceName) => {
    const from = place === 'stream' ? Math.max(since, kept()) : since;
    return act['audit.count'].executeWithOptions({ summary: `what the ${place} holds` }, [pipeline, place, from, settled?.at]);
  };
  const generated = () => act['audit.generated'].executeWithOptions({ summary: 'what was sent' }, [pipeline, since, settled?.at]);
  const [truth, first] = await together([generated, () => look('lake')]);
  let lake = first;
  while (lake.missing > 0 && Date.now() < until) {
    await sleep(AGAIN_MS / speedOf(pipeline), { summary: 'until more has come through' });
    lake = await look('lake');
  }
  for (;;) {
    await executeChild(crawl, { args: [{ pipeline }], ...introduced(pipeline, 'crawls what is to be counted') });
    const [stream, found] = await together([() => look('stream'), () => asked(pipeline, since, settled ?? {}, together)]);
    const report = reportOf(truth, stream, lake, found, since);
    setCurrentDetails(auditDetails(report));
    if (mismatches(report).length === 0 || Date.now() >= until) {
      await tellPipeline(pipeline, report);
      if (patched('audit-published')) await act['audit.publish'].executeWithOptions(PUBLISHING, [pipeline, report]);
      return report;
    }
    await sleep(AGAIN_MS / speedOf(pipeline), { summary: 'until more has come through' });
    lake = await look('lake');
  }
}

function reportOf(truth: { events: number; kills: number }, stream: Holding, lake: Holding, found: Found, since: number): Audit {
  const { inAthena, duplicates, bytesScanned, windowsChecked, windowsWrong, killsOnDashboard } = found;
  const inStream = truth.events - stream.missing;
  const inS3 = truth.events - lake.missing;
  return {
    generated: truth.events,
    inStream,
    inS3,
    inAthena: inAthena.events,
    lost: truth.events - Math.min(inStream, inS3, inAthena.events),
    duplicates,
    resent: stream.copies.resent + stream.copies.unexplained,
    heartbeats: stream.heartbeats,
    killsGenerated: truth.kills,
    killsOnDashboard,
    windowsChecked,
    windowsWrong,
    places: [placeOf('stream', stream), placeOf('lake', lake)],
    wrongInAthena: inAthena.wrong,
    bytesScanned,
    at: Date.now(),
    since,
  };
}

const placeOf = (place: PlaceName, { events, missing, altered, copies, malformed, examples }: Holding): PlaceCount => ({
  place,
  events,
  missing,
  altered,
  copies,
  malformed,
  examples,
});

type Works<Results extends unknown[]> = { [Each in keyof Results]: () => Promise<Results[Each]> };
const atOnce = <Results extends unknown[]>(works: readonly [...Works<Results>]): Promise<Results> =>
  Promise.all(works.map((work) => work())) as Promise<Results>;
async function inTurn<Results extends unknown[]>(works: readonly [...Works<Results>]): Promise<Results> {
  const results: unknown[] = [];
  for (const work of works) results.push(await work());
  return results as Results;
}

type Found = Awaited<ReturnType<typeof asked>>;

/** What Athena and the dashboard see. While the game goes on, the dashboard shows kills that nobody has written down yet. */
async function asked(pipeline: Pipeline, since: number, { at, sending = false }: Partial<Settlement>, together: typeof atOnce) {
  const isOld = together === inTurn;
  const [inAthena, [counts, metrics], compared, killsOnDashboard] = await together([
    () => act['audit.athena'].executeWithOptions({ summary: 'what Athena sees' }, [pipeline, since, at]),
    () =>
      executeChild(query, {
        args: [{ pipeline, questions: isOld ? ['pipeline_counts', 'windows_wrong'] : ['pipeline_counts'] }],
        ...introduced(pipeline, 'counts what Athena sees'),
      }),
    async () => (isOld ? undefined : act['audit.windows'].executeWithOptions({ summary: 'the metrics' }, [pipeline, sending])),
    async () => (sending ? undefined : act['audit.dashboard'](pipeline, since)),
  ]);
  const number = (answer: typeof counts, column: string) => Number(answer?.rows[0]?.[answer.columns.indexOf(column)] ?? Number.NaN);
  return {
    inAthena,
    duplicates: number(counts, 'duplicates'),
    bytesScanned: inAthena.bytesScanned + (counts?.bytesScanned ?? 0) + ((compared ?? metrics)?.bytesScanned ?? 0),
    windowsChecked: compared?.checked ?? number(metrics, 'windows_checked'),
    windowsWrong: compared?.wrong ?? number(metrics, 'windows_wrong'),
    killsOnDashboard,
  };
}

/** A pipeline that is down does not hear of it. */
async function tellPipeline(pipeline: Pipeline, report: Audit): Promise<void> {
  const { at, generated, lost, duplicates, windowsWrong } = report;
  const told = { at, generated, lost, duplicates, windowsWrong, faults: mismatches(report).slice(0, 5) };
  await getExternalWorkflowHandle(names(pipeline).workflows.pipeline)
    .signal(audited, told)
    .catch(() => undefined);
}
