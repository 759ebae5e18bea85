import { isCancellation, proxyActivities, setCurrentDetails, sleep } from '@temporalio/workflow';
import type { PlaceName } from '../activities/audit/places.ts';
import type { AuditScope } from '../activities/audit/scope.ts';
import type { Activities } from '../activities/index.ts';
import { type Audit, type Missed, mismatches } from '../pipeline/audit.ts';
import { type Duration, milliseconds } from '../pipeline/duration.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, speedOf } from '../pipeline/spec.ts';
import { DAY_MS, HOUR_MS } from '../pipeline/time.ts';
import { reportOf } from './audit-report.ts';
import { rootMessage } from './failure.ts';
import { auditFinished, type LedgerFlush } from './messages.ts';
import { runChild } from './run-child.ts';
import { crawl } from './scheduled.ts';
import { signalIfRunning } from './signal.ts';
import { auditDetails, introduced } from './story.ts';

/** The worker heartbeats for every activity by a timer: that tells that it lives, not that the activity gets on, so each kind of work has a limit of its own. */
const ALIVE = { heartbeatTimeout: '5 seconds', retry: { maximumAttempts: 10 } } as const;

/** What goes through every event: a large lake takes hours. */
const counting = proxyActivities<Activities>({ ...ALIVE, startToCloseTimeout: DAY_MS });
/** What Athena is asked: three queries of ten minutes at most. */
const asking = proxyActivities<Activities>({ ...ALIVE, startToCloseTimeout: '1 hour' });
/** What takes a few calls: a bucket that refuses them, or a generator that waits for one, is no reason to wait for long. */
const brief = proxyActivities<Activities>({ ...ALIVE, startToCloseTimeout: '1 minute', scheduleToCloseTimeout: '2 minutes' });

const AGAIN_MS = 2_000;
/** Records go a while before, or after, their time. */
const FORGETTING_MS = 600_000;

/** What is to be counted: what happened within the last `hours` (left out: everything), and how long what is still on its way is waited for. */
export interface AuditRequest {
  pipeline: Pipeline;
  hours?: number;
  /** True for an audit that nobody asked for by hand. */
  onSchedule?: boolean;
  patience: Duration;
  /** With every minute, those that agree too. */
  minutes?: boolean;
}

/**
 * Has the generator write down its ledger, then counts everywhere what that says was sent, again and again until all agrees or patience ends; the last count is
 * returned either way, told to the pipeline, and written down for the dashboard. What a game that goes on sends meanwhile is the next audit's.
 */
export async function audit({ pipeline, hours, onSchedule, patience, minutes }: AuditRequest): Promise<Audit> {
  const began = Date.now();
  const until = Date.now() + milliseconds(patience);
  /** What could not be found out at all. */
  const unknown: Missed[] = [];
  const flushed = await orMissed('What goes on', unknown, () =>
    brief['generator.flushLedger'].executeWithOptions({ summary: 'the ledger up to now' }, [pipeline]),
  );
  const known = await orMissed('From when on to count', unknown, () =>
    brief['audit.scope'].executeWithOptions({ summary: 'what is to be counted' }, [pipeline, { hours, onSchedule }]),
  );
  const scope = known ?? scopeUnknown(pipeline, began, hours);
  const { since } = scope;
  const look = (place: PlaceName) => {
    const from = place === 'stream' ? scope.streamSince : since;
    const summary = `what the ${place} holds`;
    // On AWS a shard is read at half the pace at which it can be written.
    const startToCloseTimeout = DAY_MS + (place === 'stream' && pipeline.target === 'aws' ? 3 * (began - from) : 0);
    return counting['audit.count'].executeWithOptions({ summary, startToCloseTimeout }, [pipeline, place, from, flushed?.at, minutes]);
  };
  let missed: Missed[] = [];
  const lookInLake = () => orMissed('The lake', missed, () => look('lake'));
  const generated = () =>
    orMissed('What was sent', unknown, () =>
      counting['audit.generated'].executeWithOptions({ summary: 'what was sent' }, [pipeline, since, flushed?.at, flushed]),
    );
  const [truth, first] = await Promise.all([generated(), lookInLake()]);
  let lake = first;
  while (lake && lake.missing > 0 && Date.now() < until) {
    await sleep(AGAIN_MS / speedOf(pipeline), { summary: 'until more has come through' });
    lake = await lookInLake();
  }
  for (;;) {
    await orMissed('What came since the last crawl', missed, () =>
      runChild(crawl, { args: [{ pipeline }], ...introduced(pipeline, 'crawls what is to be counted') }),
    );
    const [stream, found] = await Promise.all([
      orMissed('The stream', missed, () => look('stream')),
      askAthena(pipeline, { scope, missed, minutes, ...flushed }),
    ]);
    const counted = reportOf(pipeline.target, {
      truth,
      stream,
      lake,
      found,
      since,
      sending: flushed?.sending,
      missed: [...unknown, ...missed],
    });
    // Windows that are outstanding are no fault for a while, but the next audit has to compare them.
    const agrees = mismatches(counted).length === 0 && counted.windowsOutstanding === undefined;
    const report: Audit = { ...counted, agreedAt: agrees && scope.isNext ? (flushed?.at ?? began) : scope.agreedAt };
    setCurrentDetails(auditDetails(report));
    if (agrees || isLedgerAlone(counted) || unknown.length > 0 || Date.now() >= until) {
      await tellPipeline(pipeline, report);
      await brief['audit.publish'].executeWithOptions({ summary: 'for the dashboard' }, [pipeline, report]);
      return report;
    }
    await sleep(AGAIN_MS / speedOf(pipeline), { summary: 'until more has come through' });
    missed = [];
    lake = await lookInLake();
  }
}

/** True where all that does not agree is that the ledger lacks something, which no waiting mends. */
const isLedgerAlone = (counted: Audit): boolean =>
  counted.generated !== counted.acknowledged && mismatches({ ...counted, generated: counted.acknowledged }).length === 0;

/** What is counted when nobody could say what is still kept: that this is a fault is said already. */
function scopeUnknown({ keep }: Pipeline, now: number, hours?: number): AuditScope {
  const since = hours === undefined ? 0 : Math.max(0, now - hours * HOUR_MS);
  const streamSince = Math.max(since, now - keep.streamHours * HOUR_MS + FORGETTING_MS);
  return { since, streamSince, windowsSince: Math.max(since, now - DAY_MS), isNext: false };
}

/** What a count came to; one that fails is missed, with the reason, and all others are still made. */
async function orMissed<Result>(what: string, missed: Missed[], count: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await count();
  } catch (error) {
    if (isCancellation(error)) throw error;
    missed.push({ what, why: rootMessage(error) });
    return undefined;
  }
}

/** What Athena and the dashboard gave; undefined what they did not. */
export type AthenaFindings = Awaited<ReturnType<typeof askAthena>>;

interface AthenaRequest extends Partial<LedgerFlush> {
  scope: AuditScope;
  missed: Missed[];
  minutes?: boolean;
}

/** What Athena and the dashboard see. While the game goes on, the dashboard shows kills that nobody has written down yet. */
async function askAthena(pipeline: Pipeline, { scope, missed, minutes, at, sending = false }: AthenaRequest) {
  const { since, windowsSince } = scope;
  const [inAthena, twice, compared, killsOnDashboard] = await Promise.all([
    orMissed('Athena', missed, () =>
      counting['audit.athena'].executeWithOptions({ summary: 'what Athena sees' }, [pipeline, since, at, minutes]),
    ),
    orMissed('What Athena counts twice', missed, () =>
      asking['audit.counted'].executeWithOptions({ summary: 'what Athena counts twice' }, [pipeline, windowsSince, at]),
    ),
    orMissed('The metrics', missed, () =>
      asking['audit.windows'].executeWithOptions({ summary: 'the metrics' }, [pipeline, sending, windowsSince, at]),
    ),
    sending
      ? undefined
      : orMissed('The dashboard', missed, () =>
          asking['audit.dashboard'].executeWithOptions({ summary: 'what the dashboard shows' }, [pipeline, since]),
        ),
  ]);
  return {
    inAthena,
    duplicates: twice?.duplicates,
    bytesScanned: (inAthena?.bytesScanned ?? 0) + (twice?.bytesScanned ?? 0) + (compared?.bytesScanned ?? 0),
    windowsChecked: compared?.checked,
    windowsWrong: compared?.wrong,
    windowsWorst: compared?.worst,
    windowsSince: compared?.since,
    windowsUntil: compared?.until,
    windowsEvents: compared?.sent,
    windowsOutstanding: compared?.outstanding,
    killsOnDashboard,
  };
}

/** A pipeline that is down does not hear of it. */
async function tellPipeline(pipeline: Pipeline, report: Audit): Promise<void> {
  const { at, generated, acknowledged, lost, duplicates, windowsWrong } = report;
  const told = { at, generated, acknowledged, lost, duplicates, windowsWrong, faults: mismatches(report).slice(0, 5) };
  await signalIfRunning(names(pipeline).workflows.pipeline, auditFinished, told);
}
