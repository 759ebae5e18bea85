import {
  type ApplicationDetail,
  DescribeApplicationCommand,
  type KinesisAnalyticsV2Client,
  StartApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { ApplicationFailure } from '@temporalio/common';
import { names } from '../../pipeline/names.ts';
import { parallelismFor } from '../../pipeline/parallelism.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Seen } from '../../pipeline/waiting.ts';
import { slidingSeconds } from '../../pipeline/windows.ts';
import type { Clients } from '../aws.ts';
import { type Calls, countCalls, doneSoFar } from '../calls.ts';
import { elapsed } from '../elapsed.ts';
import { isNamed, undefinedIfMissing } from '../errors.ts';
import { adviceByAge } from '../iam/young-role.ts';
import { idsOf, isOpen, shardsOf } from '../kinesis/shards.ts';
import { underWay } from '../not-yet.ts';
import { findTwice, isOurs } from '../own-tags.ts';
import { application } from './application.ts';
import type { Application } from './configuration.ts';
import { drained, hasEventsSince, outUntil } from './drain.ts';
import { flow } from './flow.ts';
import { flinkOf, jobOf, sourceOf } from './job.ts';
import { editedIn, isNear, type Reading, readingOf, textOf, writtenIn } from './note.ts';
import { isRenewedForSpec, renew, renewalOf } from './renewal.ts';
import { missingWindows, resumePoint } from './resume.ts';
import { enter, liveNote, notePath, type Paragraph, readNote, type Session } from './session.ts';
import { startFailed, whyNotStarted } from './start-failed.ts';
import { BUSY, isStopped, MISSING, pushToStop } from './stop.ts';

/** An application that is missing this long, in milliseconds of AWS's time, is not just being made anew. */
const MISSING_MS = 60_000;

/** Runs the Studio notebook. The presigned URL and its cookie stay inside these activities: whoever holds them may run any code on the cluster. */
export function notebookActivities(clients: Clients) {
  const client = clients.kinesisAnalyticsV2;
  return {
    /**
     * Asks the application to start, with the note that goes on where the windows stopped, or makes rows anew that are lost since `rowsLostFrom` (milliseconds since
     * the epoch); fine when it already does or runs. Tells how it was found else.
     */
    'notebook.start': async (pipeline: Pipeline, rowsLostFrom?: number): Promise<Calls & { found?: string }> => {
      const { value: found, ...calls } = await countCalls(() => start(clients, pipeline, rowsLostFrom));
      return { ...calls, found };
    },
    /** Returns once the application runs; a start that fell back to READY is reported, so that it is tried anew. */
    'notebook.awaitStarted': async (pipeline: Pipeline, seen?: Seen): Promise<void> => {
      const state = (await describe(client, pipeline))?.ApplicationStatus;
      if (state === 'READY') throw await startFailed(clients, pipeline, await whyNotStarted(client, pipeline));
      if (state !== 'RUNNING') throw underWay(pipeline, `application ${names(pipeline).application} is ${state ?? 'not there yet'}`, seen);
    },
    /**
     * Has the application start with the note that goes on where the windows stopped, unless it runs with that note already: AWS takes a note only with the creation
     * of its application, so for another one it is stopped and made anew. So is one whose note has run where rows are lost since `rowsLostFrom` (milliseconds since the epoch), to make these once
     * more. Returns why windows will be missing, in words, if the stream no longer has all that they are made of.
     */
    'notebook.seed': async (pipeline: Pipeline, rowsLostFrom?: number): Promise<string | undefined> => {
      const { isRunning, gap } = await seed(clients, pipeline, rowsLostFrom);
      if (!isRunning) await launch(clients, pipeline);
      return gap;
    },
    /** Asks the application to stop, once the rows of the windows that have closed are out, and returns once it has. */
    'notebook.stop': async (pipeline: Pipeline): Promise<void> => {
      const found = await own(clients, pipeline);
      const state = found?.ApplicationStatus;
      if (state === 'READY' || state === undefined) return;
      const note = writtenIn(textOf(found));
      if (state === 'RUNNING' && note) await drained(clients, pipeline, note);
      await pushToStop(client, pipeline, state);
      throw underWay(pipeline, `application ${names(pipeline).application} is stopping`);
    },
    /** Returns once the rows of all windows are out, of the sliding ones too, that events up to `last` are in (milliseconds since the epoch, as far as is known; 0: the generator that runs has sent nothing). */
    'notebook.drained': async (pipeline: Pipeline, last?: number): Promise<void> => {
      const found = await own(clients, pipeline);
      const what = `application ${names(pipeline).application}`;
      if (found === undefined && elapsed(pipeline) < MISSING_MS) throw underWay(pipeline, `${what} is not there`);
      if (found === undefined) throw ApplicationFailure.nonRetryable(`${what} is not there`, 'NotThere');
      const note = writtenIn(textOf(found));
      const runs = found.ApplicationStatus === 'RUNNING' && note !== undefined;
      if (last === 0 && !(await hasEvents(clients, pipeline))) return;
      if (runs && (await outUntil(clients, pipeline, note, slidingSeconds(pipeline), last))) return;
      throw underWay(pipeline, runs ? 'its SQL has not put out all of them' : `${what} is ${found.ApplicationStatus}`);
    },
    /** True once the rows are out of all windows that have events by now, of the sliding ones those that have closed; false while the job does not get there. */
    'notebook.isCaughtUp': async (pipeline: Pipeline): Promise<boolean> => {
      const found = await own(clients, pipeline);
      const note = writtenIn(textOf(found));
      if (found?.ApplicationStatus !== 'RUNNING' || note === undefined) return false;
      // Where nothing is to be read, nothing can be made anew.
      if (!(await hasEvents(clients, pipeline))) return true;
      return (await outUntil(clients, pipeline, note, pipeline.windowSeconds)) !== undefined;
    },
    /** Why no windows come out although events go in, or only late; undefined when they do, or when nothing goes in. */
    'notebook.checkFlow': (pipeline: Pipeline): Promise<string | undefined> => flow(clients, pipeline),
    /** Whether the note's streaming job runs; if not, why, in words. */
    'notebook.checkJob': async (pipeline: Pipeline): Promise<{ running: boolean; reason?: string }> => look(clients, pipeline),
    /** Runs every paragraph of the note, unless they are running. */
    'notebook.run': async (pipeline: Pipeline): Promise<void> => {
      const session = await enter(client, pipeline, 'ZEPPELIN_UI_URL');
      if (!(await readNote(session, pipeline)).isRunning) await runNote(session, pipeline);
    },
    /**
     * Returns once every table is made and the job reads the stream's shards. Fails with Flink's own words if a paragraph does, and where only another
     * start can help: the application is stopped, the stream has other shards. A run that was lost since, with an application that was made anew, is begun again.
     */
    'notebook.awaitRunning': async (pipeline: Pipeline): Promise<void> => {
      if ((await describe(client, pipeline))?.ApplicationStatus === 'READY')
        throw ApplicationFailure.nonRetryable(`application ${names(pipeline).application} was stopped`, 'StartNeeded');
      const session = await enter(client, pipeline, 'ZEPPELIN_UI_URL');
      const { isRunning, paragraphs } = await readNote(session, pipeline);
      const failed = paragraphs.find(({ status: state }) => state === 'ERROR' || state === 'ABORT');
      if (failed && !isRunning) throw await noteFailed(clients, pipeline, failed);
      if (!isRunning) await runNote(session, pipeline);
      const { running, reason = 'the note is still starting', isOver } = await look(clients, pipeline);
      if (isOver) throw ApplicationFailure.nonRetryable(reason, 'StartNeeded');
      if (!running) throw underWay(pipeline, reason);
    },
  };
}

/** How it was found before the first of all attempts, in words; undefined if it ran. */
async function start(clients: Clients, pipeline: Pipeline, rowsLostFrom?: number): Promise<string | undefined> {
  const { kinesisAnalyticsV2: client } = clients;
  const state = (await describe(client, pipeline))?.ApplicationStatus;
  const done = doneSoFar();
  if (state === 'RUNNING' || state === 'STARTING') return done.found;
  done.found ??= `application ${names(pipeline).application} was ${state === undefined ? 'gone' : state === 'READY' ? 'stopped' : state}`;
  if (!(await seed(clients, pipeline, rowsLostFrom)).isRunning) await launch(clients, pipeline);
  return done.found;
}

async function launch(clients: Clients, pipeline: Pipeline): Promise<void> {
  const { application: ApplicationName } = names(pipeline);
  try {
    await clients.kinesisAnalyticsV2.send(new StartApplicationCommand({ ApplicationName }));
  } catch (error) {
    if (error instanceof ApplicationFailure) throw error;
    if (isNamed(error, ...BUSY)) return;
    if (isNamed(error, MISSING)) throw underWay(pipeline, `application ${ApplicationName} is not there yet`);
    throw await startFailed(clients, pipeline, `${(error as Error).name}: ${(error as Error).message}`);
  }
}

/** True when the stream holds any event, heartbeats apart: of another life of the generator, too. */
async function hasEvents({ kinesis }: Clients, pipeline: Pipeline): Promise<boolean> {
  const { events } = names(pipeline).streams;
  const shards = idsOf(await shardsOf(kinesis, events));
  return (await Promise.all(shards.map((shard) => hasEventsSince(kinesis, events, shard, undefined)))).some(Boolean);
}

async function runNote(session: Session, pipeline: Pipeline): Promise<void> {
  const { exception, message } = await session('POST', notePath(pipeline));
  if (exception !== undefined && !String(message).includes('RUNNING state'))
    throw new Error(`the notebook did not run the note: ${exception}: ${message}`);
}

/** A paragraph that failed, in Flink's words; with the role if that is young or these speak of a permission. Whoever keeps the notebook tries it again in any case. */
async function noteFailed(
  clients: Clients,
  pipeline: Pipeline,
  { id, status, errorMessage: message = 'no message' }: Paragraph,
): Promise<ApplicationFailure> {
  const found = `paragraph ${id} of the note ended as ${status}: ${message}`;
  const advice = await adviceByAge(clients, { message }, pipeline, 'studio');
  return ApplicationFailure.nonRetryable(advice === undefined ? found : `${found} ${advice}`, 'NoteFailed');
}

async function describe(client: KinesisAnalyticsV2Client, pipeline: Pipeline): Promise<ApplicationDetail | undefined> {
  const { application: ApplicationName } = names(pipeline);
  return (await undefinedIfMissing(client.send(new DescribeApplicationCommand({ ApplicationName })), MISSING))?.ApplicationDetail;
}

/** The application, through whose tag the note is owned: nothing is put into one of somebody else, nor is that started or stopped. */
async function own(clients: Clients, pipeline: Pipeline): Promise<Application | undefined> {
  const resource = application(clients);
  const found = await findTwice(resource, pipeline);
  if (found === undefined || isOurs(found, pipeline)) return found;
  const what = `${resource.label(pipeline)} (${names(pipeline).applicationArn})`;
  throw ApplicationFailure.nonRetryable(`${what} does not carry this pipeline's tag, so its note is left alone`, 'ForeignResource');
}

/** Sees to it that there is an application with the note that goes on where the windows stopped, and says whether it runs; one that was made anew does not. */
async function seed(clients: Clients, pipeline: Pipeline, rowsLostFrom?: number): Promise<{ isRunning: boolean; gap?: string }> {
  const found = await own(clients, pipeline);
  const what = `application ${names(pipeline).application}`;
  const isRunning = found?.ApplicationStatus === 'RUNNING';
  if (found && isRenewedForSpec(clients.kinesisAnalyticsV2, found)) throw underWay(pipeline, `${what} is being made anew for its spec`);
  if (found && !isRunning && !isStopped(found)) throw underWay(pipeline, `${what} is ${found.ApplicationStatus}`);
  const reading = await resumePoint(clients, pipeline, found, rowsLostFrom);
  const gap = await missingWindows(clients, pipeline, reading);
  const isStale = isRunning && rowsLostFrom !== undefined && (await hasRun(clients, pipeline));
  if (found && !isStale && (await isAsWanted(clients, pipeline, found, reading))) return { isRunning, gap };
  await renew(clients, pipeline, found, reading, 'notebook');
  return { isRunning: false, gap };
}

/** True unless no paragraph of the note has been run since its application started. */
async function hasRun({ kinesisAnalyticsV2: client }: Clients, pipeline: Pipeline): Promise<boolean> {
  const { paragraphs } = await readNote(await enter(client, pipeline, 'ZEPPELIN_UI_URL'), pipeline);
  return paragraphs.some(({ status }) => status !== 'READY');
}

/** True for an application with the pipeline's own note that reads so, or little more; in Zeppelin, too, while it runs. */
async function isAsWanted(clients: Clients, pipeline: Pipeline, found: Application, reading: Reading): Promise<boolean> {
  const written = readingOf(textOf(found), pipeline, reading.shards);
  if (renewalOf(found) || written === undefined || !isNear(written, reading)) return false;
  const slots = found.ApplicationConfigurationDescription?.FlinkApplicationConfigurationDescription?.ParallelismConfigurationDescription;
  if (slots?.Parallelism !== parallelismFor(names(pipeline).streams.events, written.shards)) return false;
  return isStopped(found) || (await editedBy(clients, pipeline, found)).length === 0;
}

/** Which paragraphs somebody has edited in Zeppelin, of an application that runs; the application's own text tells nothing of it. */
async function editedBy(
  { kinesisAnalyticsV2: client }: Clients,
  pipeline: Pipeline,
  found: ApplicationDetail | undefined,
): Promise<number[]> {
  return editedIn(await liveNote(await enter(client, pipeline, 'ZEPPELIN_UI_URL'), pipeline), textOf(found));
}

/** Whether the note's job runs; if not why, and whether only another note can. */
interface Look {
  running: boolean;
  reason?: string;
  isOver?: boolean;
}

/** A streaming INSERT never finishes: the note runs when its last paragraph does, all before it are finished, and Flink's job reads each shard in a subtask of its own. */
async function look({ kinesisAnalyticsV2: client, kinesis }: Clients, pipeline: Pipeline): Promise<Look> {
  const not = (reason: string) => ({ running: false, reason });
  const session = await enter(client, pipeline, 'ZEPPELIN_UI_URL');
  const { paragraphs } = await readNote(session, pipeline);
  const behind = paragraphs.findIndex(({ status: state }, i) => state !== (i === paragraphs.length - 1 ? 'RUNNING' : 'FINISHED'));
  if (paragraphs.length === 0) return not('the note has no paragraphs');
  if (paragraphs.every(({ status: state }) => state === 'READY')) return not('the note has not been run since its application started');
  if (behind >= 0) {
    const { status: state, errorMessage } = paragraphs[behind]!;
    return not(`paragraph ${behind + 1} of the note's ${paragraphs.length} is ${state}${errorMessage ? `: ${errorMessage}` : ''}`);
  }
  const { events } = names(pipeline).streams;
  const [job, shards, found, live] = await Promise.all([
    flinkOf(client, pipeline).then(jobOf),
    shardsOf(kinesis, events),
    describe(client, pipeline),
    liveNote(session, pipeline),
  ]);
  const edited = editedIn(live, textOf(found));
  if (edited.length > 0)
    return not(`somebody edited the note in Zeppelin: paragraph ${edited.join(', ')} is not as the application has it`);
  if (job.id === undefined) return not(`Flink runs no job of the note yet (${job.states.join(', ') || 'none was submitted'})`);
  const open = idsOf(shards.filter(isOpen));
  const reading = readingOf(textOf(found), pipeline, open);
  if (reading === undefined)
    return { ...not(`the job was not started for this spec and the shards that are open now (${open.join(', ')})`), isOver: true };
  const wanted = parallelismFor(events, reading.shards);
  const subtasks = sourceOf(job)?.parallelism;
  return subtasks === wanted
    ? { running: true }
    : not(`Flink reads ${events} in ${subtasks} subtasks instead of ${wanted}, so shards share one`);
}
