import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApplicationStatus } from '@aws-sdk/client-kinesis-analytics-v2';
import { toolPaths } from '../../setup/tools.mjs';
import type { Aws } from '../aws.ts';
import type { AccessKey } from '../iam/keys.ts';
import { type Application, applications, end, operations } from './application.ts';
import { type ApplicationLog, applicationLog } from './application-log.ts';
import { type Flink, type FlinkOptions, type Flinks, flinks } from './flink.ts';
import { type GatewaySession, openSession } from './gateway.ts';
import { abortUnfinished, type ParagraphResults, type ParagraphStatus } from './note.ts';
import { checkRole } from './preconditions.ts';

/** A paragraph under way; `results` is what it has to show so far. */
export interface Run {
  stop: AbortController;
  ended: Promise<ParagraphStatus>;
  results?: ParagraphResults;
}

/** The cluster behind one application while it is wanted. `cluster` is there exactly while it answers. */
export interface Studio {
  application: string;
  phase: 'STARTING' | 'UPDATING' | 'RUNNING' | 'STOPPING' | 'FORCE_STOPPING';
  /** The phase lasts at least until then. */
  settled: number;
  cluster?: { flink: Flink; session: GatewaySession; lost: AbortSignal };
  /** The paragraphs under way, by `<note key>/<paragraph id>`. */
  runs: Map<string, Run>;
  /** Keys of the notes that are being run from top to bottom. */
  playing: Set<string>;
  ending: AbortController;
  ended: Promise<void>;
}

const studiosOfAws = new WeakMap<Aws, Map<string, Studio>>();
const RESTART_MS = { first: 200, most: 10_000, healthy: 30_000 };

const studios = (aws: Aws): Map<string, Studio> => studiosOfAws.get(aws) ?? studiosOfAws.set(aws, new Map()).get(aws)!;

/** The studio of an application that was started and not stopped. */
export const studioOf = (aws: Aws, application: string): Studio | undefined => studios(aws).get(application);

/** What the application is now: RUNNING if and only if its cluster answers. Studio says READY when it is stopped. */
export function applicationStatus(aws: Aws, { name, deleting, settled }: Readonly<Application>): ApplicationStatus {
  if (deleting) return 'DELETING';
  const studio = studioOf(aws, name);
  if (!studio) return settled > aws.now() ? 'UPDATING' : 'READY';
  if (studio.phase !== 'RUNNING') return studio.phase;
  return studio.settled > aws.now() ? 'STARTING' : 'RUNNING';
}

/** Starts the cluster of an application and keeps it alive until `halt`; ends the operation when it answers, or when it cannot be started. */
export function launch(
  aws: Aws,
  application: Readonly<Application>,
  operation?: string,
  phase: 'STARTING' | 'UPDATING' = 'STARTING',
): void {
  // An operation that outlives the process ends when it would have.
  const since =
    operations(aws)
      .get(operation ?? '')
      ?.started.getTime() ?? aws.now();
  const studio: Studio = {
    application: application.name,
    phase,
    settled: since + aws.takes(phase === 'STARTING' ? 'application start' : 'application update', application.name),
    runs: new Map(),
    playing: new Set(),
    ending: new AbortController(),
    ended: Promise.resolve(),
  };
  studios(aws).set(application.name, studio);
  studio.ended = keepAlive(aws, studio, operation).catch((error: Error) => aws.log('flink', `${application.name}: ${error.stack}`));
}

/** Aborted when the local AWS itself ends: then nothing waits for a profile's durations. */
const closings = new WeakMap<Aws, AbortController>();
const closingOf = (aws: Aws): AbortController => closings.get(aws) ?? closings.set(aws, new AbortController()).get(aws)!;

/** Ends the cluster of an application; resolves when the JVM is gone. What its paragraphs did is ABORT. */
export async function halt(aws: Aws, name: string, phase: 'STOPPING' | 'FORCE_STOPPING' | 'UPDATING' = 'STOPPING'): Promise<void> {
  const studio = studioOf(aws, name);
  if (!studio) return;
  studio.phase = phase;
  studio.ending.abort();
  await Promise.all([
    studio.ended,
    phase === 'UPDATING' ? undefined : aws.sleep(aws.takes('application stop', name), closingOf(aws).signal),
  ]);
  if (studioOf(aws, name) === studio) studios(aws).delete(name);
}

/** Ends every cluster and every JVM; for the end of the local AWS itself, which is no stop of the application. */
export const haltAll = async (aws: Aws): Promise<void> => {
  closingOf(aws).abort();
  await Promise.all([...studios(aws).keys()].map((name) => halt(aws, name)));
  await flinksOfAws.get(aws)?.end();
};

async function keepAlive(aws: Aws, studio: Studio, operation?: string): Promise<void> {
  const { application: name, ending } = studio;
  for (let wait = RESTART_MS.first; !ending.signal.aborted; wait = Math.min(wait * 2, RESTART_MS.most)) {
    const since = Date.now();
    const why = await live(aws, studio, operation).catch((error: Error) => error.message);
    abortUnfinished(aws, name);
    if (ending.signal.aborted) break;
    if (operation !== undefined && operations(aws).get(operation)?.status === 'IN_PROGRESS') return giveUp(aws, studio, operation, why);
    // A new cluster knows no tables and runs no jobs: like Studio after a stop, the note has to be run again, and says so by its ABORTs.
    studio.phase = 'STARTING';
    await aws.journal.commit();
    if (Date.now() - since > RESTART_MS.healthy) wait = RESTART_MS.first;
    aws.log('flink', `${name}: Flink is gone (${why}); starting it again in ${wait} ms`);
    await delay(wait, undefined, { signal: ending.signal }).catch(() => undefined);
  }
  await aws.journal.commit();
}

/** One life of the JVM, from its start to its end; resolves with how it ended. */
async function live(aws: Aws, studio: Studio, operation?: string): Promise<string> {
  const application = applications(aws).get(studio.application);
  if (!application) return 'the application is gone';
  const log = applicationLog(aws, application);
  checkRole(aws, application);
  const key = aws.keys.issue(application.role, 'KinesisAnalytics');
  try {
    return await lifeOf(aws, studio, await flinksOf(aws).start(flinkOptions(aws, application, log, key), studio.ending.signal), operation);
  } finally {
    aws.keys.giveBack(key);
    await log.written();
  }
}

/** From the moment Flink answers. */
async function lifeOf(aws: Aws, studio: Studio, flink: Flink, operation?: string): Promise<string> {
  try {
    const session = await openSession(flink.gatewayUrl, {});
    if (studio.ending.signal.aborted) return 'stopped';
    const lost = new AbortController();
    studio.cluster = { flink, session, lost: lost.signal };
    studio.phase = 'RUNNING';
    if (operation !== undefined) end(aws, operation, 'SUCCESSFUL');
    await aws.journal.commit();
    const how = await Promise.race([flink.exited, aborted(studio.ending.signal)]);
    lost.abort();
    return how;
  } finally {
    delete studio.cluster;
    for (const { stop } of studio.runs.values()) stop.abort();
    await flink.stop(closingOf(aws).signal.aborted ? 'at once' : undefined);
    await Promise.all([...studio.runs.values()].map(({ ended }) => ended));
  }
}

async function giveUp(aws: Aws, studio: Studio, operation: string, why: string): Promise<void> {
  const application = applications(aws).get(studio.application);
  if (application) applications(aws).set(application.name, { ...application, wanted: 'READY' });
  end(aws, operation, 'FAILED', why);
  studios(aws).delete(studio.application);
  aws.log('flink', `${studio.application}: starting Flink failed: ${why}`);
  await aws.journal.commit();
}

const flinksOfAws = new WeakMap<Aws, Flinks>();

function flinksOf(aws: Aws): Flinks {
  const { java, flinkLib: lib, flinkClasses: classes } = toolPaths();
  if (!java || !lib || !classes) throw new Error('Flink is not set up: Java 17 or its jars are missing. Run `node setup/setup.mjs`.');
  // No application can be called that.
  const made = flinksOfAws.get(aws) ?? flinks(join(aws.dir, 'kinesis-analytics-v2', '.jvms'), { java, lib, classes });
  flinksOfAws.set(aws, made);
  return made;
}

const flinkOptions = (
  aws: Aws,
  { name, parallelism, checkpoints, artifacts, logLevel }: Readonly<Application>,
  { write }: ApplicationLog,
  credentials: AccessKey,
): FlinkOptions => ({
  dir: join(aws.dir, 'kinesis-analytics-v2', name),
  slots: parallelism.parallelism,
  ...(checkpoints.enabled && { checkpoints }),
  connectors: artifacts.map(({ artifact }) => artifact.replace('-sql-connector-', '-connector-')),
  restPort: '8081-8181',
  region: aws.region,
  credentials,
  logLevel,
  log: write,
});

const aborted = (signal: AbortSignal): Promise<string> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve('stopped');
    else signal.addEventListener('abort', () => resolve('stopped'), { once: true });
  });
