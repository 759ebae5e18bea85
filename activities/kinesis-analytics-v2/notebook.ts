import { DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis';
import {
  CreateApplicationPresignedUrlCommand,
  DescribeApplicationCommand,
  type KinesisAnalyticsV2Client,
  StartApplicationCommand,
  StopApplicationCommand,
  UpdateApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { ApplicationFailure } from '@temporalio/common';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { isNamed, unlessBusy } from '../errors.ts';
import { notYet } from '../resource.ts';
import { flow } from './flow.ts';
import { buildNote, sameNote } from './note.ts';
import { resumeFrom } from './resume.ts';

/** One paragraph's state, in Zeppelin's words. */
interface Paragraph {
  id: string;
  status: 'READY' | 'PENDING' | 'RUNNING' | 'FINISHED' | 'ERROR' | 'ABORT' | 'UNKNOWN';
  errorMessage?: string;
}

const BUSY = ['ResourceInUseException', 'ConcurrentModificationException'];
const SESSION_SECONDS = 1800;
const ANSWER_MS = 20_000;

/** Runs the Studio notebook. The presigned URL and its cookie stay inside these activities: whoever holds them may run any code on the cluster. */
export function notebook(clients: Clients) {
  const client = clients.kinesisAnalyticsV2;
  return {
    /** Asks the application to start; fine when it already does or runs. */
    'notebook.start': async (pipeline: Pipeline): Promise<void> => {
      if ((await status(client, pipeline)) !== 'READY') return;
      try {
        await client.send(new StartApplicationCommand({ ApplicationName: names(pipeline).application }));
      } catch (error) {
        if (!isNamed(error, ...BUSY)) throw error;
      }
    },
    /** Returns once the application runs; a start that fell back to READY is reported, so that it is tried anew. */
    'notebook.started': async (pipeline: Pipeline): Promise<void> => {
      const state = await status(client, pipeline);
      if (state === 'READY')
        throw ApplicationFailure.nonRetryable(
          `application ${names(pipeline).application} went back to READY instead of running`,
          'StartFailed',
        );
      if (state !== 'RUNNING') throw notYet(`application ${names(pipeline).application} is ${state}`);
    },
    /** Puts the note that goes on where the windows stopped into the application, unless it is that note already; on a running application this is a restart. */
    'notebook.seed': (pipeline: Pipeline): Promise<void> => seed(clients, pipeline),
    /** Asks the application to stop, and returns once it has. */
    'notebook.stop': async (pipeline: Pipeline): Promise<void> => {
      const state = await status(client, pipeline);
      if (state === 'READY' || state === undefined) return;
      const ApplicationName = names(pipeline).application;
      // Without force only what runs can be stopped; the state that a job would keep is not needed, since its windows come out anew.
      if (state !== 'STOPPING' && state !== 'FORCE_STOPPING')
        await unlessBusy(client.send(new StopApplicationCommand({ ApplicationName, Force: true })), ...BUSY);
      throw notYet(`application ${ApplicationName} is stopping`);
    },
    /** Why no windows come out although events go in; undefined when they do, or when nothing goes in. */
    'notebook.flow': (pipeline: Pipeline): Promise<string | undefined> => flow(clients, pipeline),
    /** Whether the note's streaming job runs; if not, why, in words. */
    'notebook.look': async (pipeline: Pipeline): Promise<{ running: boolean; reason?: string }> => look(clients, pipeline),
    /** Runs every paragraph of the note, unless they are running. */
    'notebook.run': async (pipeline: Pipeline): Promise<void> => {
      const session = await enter(client, pipeline, 'ZEPPELIN_UI_URL');
      if ((await readNote(session, pipeline)).isRunning) return;
      const { exception, message } = await session('POST', jobPath(pipeline));
      if (exception !== undefined && !String(message).includes('RUNNING state'))
        throw new Error(`the notebook did not run the note: ${exception}: ${message}`);
    },
    /** Returns once every table is made and the job runs at the stream's parallelism. Fails with Flink's own words if a paragraph does. */
    'notebook.runs': async (pipeline: Pipeline): Promise<void> => {
      const { isRunning, paragraphs } = await readNote(await enter(client, pipeline, 'ZEPPELIN_UI_URL'), pipeline);
      const failed = paragraphs.find(({ status: state }) => state === 'ERROR' || state === 'ABORT');
      if (failed && !isRunning)
        throw ApplicationFailure.nonRetryable(
          `paragraph ${failed.id} of the note ended as ${failed.status}: ${failed.errorMessage ?? 'no message'}`,
          'NoteFailed',
        );
      const { running, reason } = await look(clients, pipeline);
      if (!running) throw notYet(reason ?? 'the note is still starting');
    },
  };
}

async function status(client: KinesisAnalyticsV2Client, pipeline: Pipeline): Promise<string | undefined> {
  const { ApplicationDetail } = await client.send(new DescribeApplicationCommand({ ApplicationName: names(pipeline).application }));
  return ApplicationDetail?.ApplicationStatus;
}

async function seed(clients: Clients, pipeline: Pipeline): Promise<void> {
  const ApplicationName = names(pipeline).application;
  const { ApplicationDetail: found } = await clients.kinesisAnalyticsV2.send(new DescribeApplicationCommand({ ApplicationName }));
  const text = found?.ApplicationConfigurationDescription?.ApplicationCodeConfigurationDescription?.CodeContentDescription?.TextContent;
  const from = await resumeFrom(clients, pipeline);
  if (from === undefined || sameNote(text, pipeline, { from })) return;
  const update = new UpdateApplicationCommand({
    ApplicationName,
    ConditionalToken: found?.ConditionalToken,
    ApplicationConfigurationUpdate: {
      ApplicationCodeConfigurationUpdate: { CodeContentUpdate: { TextContentUpdate: buildNote(pipeline, from) } },
    },
  });
  if (!(await unlessBusy(clients.kinesisAnalyticsV2.send(update), ...BUSY))) throw notYet(`application ${ApplicationName} is busy`);
}

/** A streaming INSERT never finishes: the note runs when its last paragraph does, all before it are finished, and Flink has the job at one subtask a shard. */
async function look(clients: Clients, pipeline: Pipeline): Promise<{ running: boolean; reason?: string }> {
  const { kinesisAnalyticsV2, kinesis } = clients;
  const { paragraphs } = await readNote(await enter(kinesisAnalyticsV2, pipeline, 'ZEPPELIN_UI_URL'), pipeline);
  const last = paragraphs.at(-1);
  if (last?.status !== 'RUNNING' || !paragraphs.slice(0, -1).every(({ status: state }) => state === 'FINISHED')) {
    const states = paragraphs.map(({ id, status: state, errorMessage }) => `${id} ${state}${errorMessage ? ` (${errorMessage})` : ''}`);
    return { running: false, reason: `the note's job does not run: ${states.join(', ') || 'the note has no paragraphs'}` };
  }
  const flink = await enter(kinesisAnalyticsV2, pipeline, 'FLINK_DASHBOARD_URL');
  const { jobs = [] } = (await flink('GET', '/flinkdashboard/jobs/overview')) as { jobs?: { jid: string; state: string }[] };
  const job = jobs.find(({ state }) => state === 'RUNNING');
  if (!job)
    return {
      running: false,
      reason: `Flink runs no job of the note yet (${jobs.map(({ state }) => state).join(', ') || 'none was submitted'})`,
    };
  const { vertices = [] } = (await flink('GET', `/flinkdashboard/jobs/${job.jid}`)) as {
    vertices?: { name: string; parallelism: number }[];
  };
  const { StreamDescriptionSummary } = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: names(pipeline).streams.events }));
  const shards = StreamDescriptionSummary?.OpenShardCount;
  const source = vertices.find(({ name }) => name.includes('Source'));
  if (source?.parallelism !== shards)
    return { running: false, reason: `Flink reads ${shards} shards with ${source?.parallelism} subtasks; they must be as many` };
  return { running: true };
}

type Session = (method: 'GET' | 'POST', path: string) => Promise<Record<string, unknown>>;

/** Enters by a presigned URL and keeps the session's cookie for the calls that follow. */
async function enter(
  client: KinesisAnalyticsV2Client,
  pipeline: Pipeline,
  UrlType: 'ZEPPELIN_UI_URL' | 'FLINK_DASHBOARD_URL',
): Promise<Session> {
  const command = new CreateApplicationPresignedUrlCommand({
    ApplicationName: names(pipeline).application,
    UrlType,
    SessionExpirationDurationInSeconds: SESSION_SECONDS,
  });
  const { AuthorizedUrl } = await client.send(command);
  const entry = new URL(AuthorizedUrl!);
  // Any path behind the URL's token opens the session; the API's own is answered without the weight of a page.
  if (UrlType === 'ZEPPELIN_UI_URL') entry.pathname = jobPath(pipeline);
  const login = await fetch(entry, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) });
  const cookie = login.headers
    .getSetCookie()
    .map((set) => set.split(';')[0])
    .join('; ');
  if (cookie === '') throw new Error(`the presigned URL gave no session (HTTP ${login.status})`);
  return async (method, path) => {
    const answer = await fetch(new URL(path, entry), {
      method,
      headers: { cookie },
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const text = await answer.text();
    try {
      return JSON.parse(text) as Record<string, unknown>;
    } catch {
      throw new Error(`${method} ${path} was answered with HTTP ${answer.status} and no JSON: ${text.slice(0, 200)}`);
    }
  };
}

const jobPath = (pipeline: Pipeline) => `/zeppelin/api/notebook/job/${names(pipeline).noteId}`;

/** The note's state. Zeppelin's documentation and its newer code shape the body differently; both are read. */
async function readNote(session: Session, pipeline: Pipeline): Promise<{ isRunning: boolean; paragraphs: Paragraph[] }> {
  const { body } = (await session('GET', jobPath(pipeline))) as { body?: Paragraph[] | { isRunning?: boolean; paragraphs?: Paragraph[] } };
  const paragraphs = (Array.isArray(body) ? body : body?.paragraphs) ?? [];
  const underWay = paragraphs.some(({ status: state }) => state === 'RUNNING' || state === 'PENDING');
  return { isRunning: (!Array.isArray(body) && body?.isRunning) || underWay, paragraphs };
}
