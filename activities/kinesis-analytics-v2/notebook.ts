import {
  CreateApplicationPresignedUrlCommand,
  DescribeApplicationCommand,
  type KinesisAnalyticsV2Client,
  StartApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { ApplicationFailure } from '@temporalio/common';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { isNamed } from '../errors.ts';
import { notYet } from '../resource.ts';

/** One paragraph's state, in Zeppelin's words. */
interface Paragraph {
  id: string;
  status: 'READY' | 'PENDING' | 'RUNNING' | 'FINISHED' | 'ERROR' | 'ABORT' | 'UNKNOWN';
  errorMessage?: string;
}

const SESSION_SECONDS = 1800;
const ANSWER_MS = 20_000;

/** Runs the Studio notebook. The presigned URL and its cookie stay inside these activities: whoever holds them may run any code on the cluster. */
export function notebook({ kinesisAnalyticsV2: client }: Clients) {
  return {
    /** Asks the application to start; fine when it already does or runs. */
    'notebook.start': async (pipeline: Pipeline): Promise<void> => {
      if ((await status(client, pipeline)) !== 'READY') return;
      try {
        await client.send(new StartApplicationCommand({ ApplicationName: names(pipeline).application }));
      } catch (error) {
        if (!isNamed(error, 'ResourceInUseException', 'ConcurrentModificationException')) throw error;
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
    /** Whether the note's streaming job runs; if not, why, in words. */
    'notebook.look': async (pipeline: Pipeline): Promise<{ running: boolean; reason?: string }> =>
      judged(await paragraphs(await open(client, pipeline))),
    /** Runs every paragraph of the note, unless they are running. */
    'notebook.run': async (pipeline: Pipeline): Promise<void> => {
      const session = await open(client, pipeline);
      if ((await paragraphs(session)).some(({ status: state }) => state === 'RUNNING' || state === 'PENDING')) return;
      const answer = await session('POST');
      if (answer.exception !== undefined && !String(answer.message).includes('RUNNING state'))
        throw new Error(`the notebook did not run the note: ${answer.exception}: ${answer.message}`);
    },
    /** Returns once every table is made and the last paragraph, the streaming job, runs. Fails with Flink's own words if a paragraph does. */
    'notebook.runs': async (pipeline: Pipeline): Promise<void> => {
      const all = await paragraphs(await open(client, pipeline));
      const failed = all.find(({ status: state }) => state === 'ERROR' || state === 'ABORT');
      if (failed)
        throw ApplicationFailure.nonRetryable(
          `paragraph ${failed.id} of the note ended as ${failed.status}: ${failed.errorMessage ?? 'no message'}`,
          'NoteFailed',
        );
      const { running, reason } = judged(all);
      if (!running) throw notYet(reason ?? 'the note is still starting');
    },
  };
}

type Session = (method: 'GET' | 'POST') => Promise<Record<string, unknown>>;

async function status(client: KinesisAnalyticsV2Client, pipeline: Pipeline): Promise<string | undefined> {
  const { ApplicationDetail } = await client.send(new DescribeApplicationCommand({ ApplicationName: names(pipeline).application }));
  return ApplicationDetail?.ApplicationStatus;
}

/** Enters by a presigned URL and keeps the session's cookie for the calls that follow. */
async function open(client: KinesisAnalyticsV2Client, pipeline: Pipeline): Promise<Session> {
  const { application, noteId } = names(pipeline);
  const command = new CreateApplicationPresignedUrlCommand({
    ApplicationName: application,
    UrlType: 'ZEPPELIN_UI_URL',
    SessionExpirationDurationInSeconds: SESSION_SECONDS,
  });
  const { AuthorizedUrl } = await client.send(command);
  const entry = new URL(AuthorizedUrl!);
  entry.pathname = entry.pathname.replace(/\/zeppelin\/.*/, `/zeppelin/api/notebook/job/${noteId}`);
  const login = await fetch(entry, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) });
  const cookie = login.headers
    .getSetCookie()
    .map((set) => set.split(';')[0])
    .join('; ');
  if (cookie === '') throw new Error(`the notebook's presigned URL gave no session (HTTP ${login.status})`);
  entry.search = '';
  return async (method) => {
    const answer = await fetch(entry, { method, headers: { cookie }, redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) });
    const text = await answer.text();
    try {
      return JSON.parse(text) as Record<string, unknown>;
    } catch {
      throw new Error(`the notebook answered ${method} with HTTP ${answer.status} and no JSON: ${text.slice(0, 200)}`);
    }
  };
}

/** The paragraphs' states. Zeppelin's documentation and its newer code shape the body differently; both are read. */
async function paragraphs(session: Session): Promise<Paragraph[]> {
  const { body } = await session('GET');
  if (Array.isArray(body)) return body as Paragraph[];
  return (body as { paragraphs?: Paragraph[] } | undefined)?.paragraphs ?? [];
}

/** A streaming INSERT never finishes: the note runs when its last paragraph does and all before it are finished. */
function judged(all: Paragraph[]): { running: boolean; reason?: string } {
  const last = all.at(-1);
  if (last?.status === 'RUNNING' && all.slice(0, -1).every(({ status: state }) => state === 'FINISHED')) return { running: true };
  const states = all.map(({ id, status: state, errorMessage }) => `${id} ${state}${errorMessage ? ` (${errorMessage})` : ''}`);
  return { running: false, reason: `the note's job does not run: ${states.join(', ') || 'the note has no paragraphs'}` };
}
