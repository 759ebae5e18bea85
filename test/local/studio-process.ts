import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateApplicationPresignedUrlCommand,
  DescribeApplicationCommand,
  KinesisAnalyticsV2Client,
  type UrlType,
} from '@aws-sdk/client-kinesis-analytics-v2';

/** The local AWS in a process of its own, so that it can be killed as its users might. */
export interface AwsProcess {
  process: ChildProcess;
  config: { endpoint: string; region: string; credentials: { accessKeyId: string; secretAccessKey: string } };
}

/** Starts `npm run local` on the state in `dir`, at a free port, and reads where it is. */
export async function startAws(dir: string): Promise<AwsProcess> {
  const args = ['--import', 'tsx', 'local/main.ts', '--port', '0', '--state', dir];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  const values: Record<string, string> = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const [key = '', value = ''] = line.split('=');
    values[key] = value;
    if (key === 'AWS_REGION') break;
  }
  const credentials = { accessKeyId: values.AWS_ACCESS_KEY_ID!, secretAccessKey: values.AWS_SECRET_ACCESS_KEY! };
  return { process: child, config: { endpoint: values.AWS_ENDPOINT_URL!, region: values.AWS_REGION!, credentials } };
}

/** Ends it, and resolves when it is gone. */
export async function endAws({ process: child }: AwsProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  await once(child, 'exit');
}

/** Looks until it is so; throws with what was seen last. */
export async function until<Value>(look: () => Promise<Value>, isSo: (value: Value) => boolean, ms = 60_000): Promise<Value> {
  for (const end = Date.now() + ms; ; await delay(200)) {
    const value = await look();
    if (isSo(value)) return value;
    if (Date.now() > end) throw new Error(`after ${ms} ms it is still ${JSON.stringify(value).slice(0, 2000)}`);
  }
}

/** The JVM among the children of a process. */
export function jvmOf(parent: number): number | undefined {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,comm='], { encoding: 'utf8' }).trim().split('\n');
  const found = rows
    .map((row) => row.trim().split(/\s+/))
    .find(([, ppid, command]) => Number(ppid) === parent && command?.endsWith('java'));
  return found && Number(found[0]);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** What Zeppelin tells of a paragraph. */
export interface Paragraph {
  id: string;
  status: string;
  errorMessage?: string;
}

/** One application's notebook, seen through its presigned URLs. */
export function notebookOf(config: AwsProcess['config'], ApplicationName: string, noteId: string) {
  const client = new KinesisAnalyticsV2Client(config);
  const url = async (UrlType: UrlType = 'ZEPPELIN_UI_URL') =>
    (await client.send(new CreateApplicationPresignedUrlCommand({ ApplicationName, UrlType }))).AuthorizedUrl!;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, each looked at where it is asked for
  const call = async (kind: UrlType, method: string, path: string, body?: object): Promise<any> => {
    const authorized = await url(kind);
    const cookie = (await fetch(authorized)).headers.getSetCookie()[0]!.split(';')[0]!;
    const address = authorized.split('/?')[0] + path;
    return (await fetch(address, { method, headers: { cookie }, ...(body && { body: JSON.stringify(body) }) })).json();
  };
  const zeppelin = (method: string, path: string, body?: object) => call('ZEPPELIN_UI_URL', method, `/api/notebook${path}`, body);
  const flink = (path: string) => call('FLINK_DASHBOARD_URL', 'GET', path);
  const paragraphs = async (): Promise<Paragraph[]> => (await zeppelin('GET', `/job/${noteId}`)).body.paragraphs;
  const jobs = async (): Promise<{ jid: string; state: string }[]> => (await flink('/jobs/overview')).jobs;
  const status = async () =>
    (await client.send(new DescribeApplicationCommand({ ApplicationName }))).ApplicationDetail?.ApplicationStatus ?? 'gone';
  return {
    client,
    url,
    zeppelin,
    flink,
    jobs,
    status,
    states: async () => (await paragraphs()).map((paragraph) => paragraph.status),
    running: () => until(status, (state) => state === 'RUNNING'),
    run: () => zeppelin('POST', `/job/${noteId}`),
    /** Resolves when the last paragraph runs, and its job with it; throws when a paragraph fails. */
    noteRuns: () =>
      until(
        async () => {
          const now = await paragraphs();
          const failed = now.find((paragraph) => paragraph.status === 'ERROR');
          if (failed) throw new Error(failed.errorMessage);
          return { last: now.at(-1)?.status, jobs: await jobs() };
        },
        (now) => now.last === 'RUNNING' && now.jobs.some(({ state }) => state === 'RUNNING'),
      ),
  };
}
