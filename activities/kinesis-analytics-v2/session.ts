import { CreateApplicationPresignedUrlCommand, type KinesisAnalyticsV2Client, type UrlType } from '@aws-sdk/client-kinesis-analytics-v2';
import { asyncLocalStorage, log } from '@temporalio/activity';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { mayChange } from '../attempt.ts';
import { ANSWER_MS } from '../target.ts';

/** Calls behind a presigned URL; the answer's JSON. */
export type Session = (method: 'GET' | 'POST', path: string) => Promise<Record<string, unknown>>;

/** One paragraph's state, in Zeppelin's words. */
export interface Paragraph {
  id: string;
  status: 'READY' | 'PENDING' | 'RUNNING' | 'FINISHED' | 'ERROR' | 'ABORT' | 'UNKNOWN';
  errorMessage?: string;
}

const SESSION_SECONDS = 1800;

/** Enters by a presigned URL and keeps the session's cookie for the calls that follow. Whoever holds either may run any code on the cluster: they stay in the activity. */
export async function enter(client: KinesisAnalyticsV2Client, pipeline: Pipeline, UrlType: UrlType): Promise<Session> {
  const command = new CreateApplicationPresignedUrlCommand({
    ApplicationName: names(pipeline).application,
    UrlType,
    SessionExpirationDurationInSeconds: SESSION_SECONDS,
  });
  const { AuthorizedUrl } = await client.send(command);
  const entry = new URL(AuthorizedUrl!);
  // Any path behind the URL's token opens the session; the API's own is answered without the weight of a page.
  if (UrlType === 'ZEPPELIN_UI_URL') entry.pathname = notePath(pipeline);
  const login = await fetch(entry, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) });
  const cookie = login.headers
    .getSetCookie()
    .map((set) => set.split(';')[0])
    .join('; ');
  if (cookie === '') throw new Error(`the presigned URL gave no session (HTTP ${login.status})`);
  return async (method, path) => {
    if (method !== 'GET') await mayChange();
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

/** Where Zeppelin runs the pipeline's note, and tells how it goes. */
export const notePath = (pipeline: Pipeline): string => `/zeppelin/api/notebook/job/${names(pipeline).noteId}`;

/** The note as it is in Zeppelin now, where whoever opens it may edit it: JSON text, as the application's own text is. Undefined where Zeppelin does not give it. */
export async function liveNote(session: Session, pipeline: Pipeline): Promise<string | undefined> {
  try {
    const { body } = (await session('GET', `/zeppelin/api/notebook/${names(pipeline).noteId}`)) as { body?: { paragraphs?: unknown } };
    return Array.isArray(body?.paragraphs) ? JSON.stringify(body) : undefined;
  } catch (error) {
    // The job tells how it runs all the same.
    if (asyncLocalStorage.getStore()) log.warn(`the note cannot be read: ${(error as Error).message}`);
    return undefined;
  }
}

/** The note's state. Zeppelin's documentation and its newer code shape the body differently; both are read. */
export async function readNote(session: Session, pipeline: Pipeline): Promise<{ isRunning: boolean; paragraphs: Paragraph[] }> {
  const { body } = (await session('GET', notePath(pipeline))) as { body?: Paragraph[] | { isRunning?: boolean; paragraphs?: Paragraph[] } };
  const paragraphs = (Array.isArray(body) ? body : body?.paragraphs) ?? [];
  const underWay = paragraphs.some(({ status: state }) => state === 'RUNNING' || state === 'PENDING');
  return { isRunning: (!Array.isArray(body) && body?.isRunning) || underWay, paragraphs };
}
