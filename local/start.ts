import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { startSqlEngine } from './athena/engine.ts';
import type { Aws } from './aws.ts';
import { openJournal } from './journal.ts';
import { shardLogs } from './kinesis/log.ts';
import { openPages } from './pages.ts';
import { openObjects } from './s3/store.ts';
import { listen } from './server.ts';
import { services } from './services.ts';

/** Where and how the local AWS runs. `dir` is its state folder; `port` 0 takes a free one. */
export interface LocalOptions {
  dir: string;
  port?: number;
  host?: string;
  /** Host names answered besides the loopback ones (containers). */
  allowedHosts?: string[];
  region?: string;
  /** Milliseconds in transient states; 0 unless told otherwise. */
  settle?: number;
  now?: () => number;
  log?: Aws['log'];
}

/** A running local AWS. */
export interface Local {
  endpoint: string;
  region: string;
  account: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  close(): Promise<void>;
}

/** Starts the local AWS on the state in `dir`, taking up deliveries, crawls and applications that were under way. */
export async function startLocal({
  dir: state,
  port = 0,
  host = '127.0.0.1',
  allowedHosts,
  region = 'us-east-1',
  settle = 0,
  now = Date.now,
  log = toStderr,
}: LocalOptions): Promise<Local> {
  const dir = resolve(state); // the engines run in folders of their own
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
  const credentials = await loadCredentials(join(dir, 'credentials.json'));
  const journal = await openJournal(join(dir, 'catalog.log'));
  const shards = shardLogs(join(dir, 'kinesis'));
  const lake = join(dir, 's3');
  const spice = join(dir, 'quicksight');
  for (const folder of [lake, spice]) await mkdir(folder, { recursive: true });
  const closers: (() => void | Promise<void>)[] = [];
  const aws: Aws = {
    account: '000000000000',
    region,
    credentials,
    dir,
    endpoint: '',
    now,
    settle,
    journal,
    shards,
    objects: openObjects(lake, journal, now),
    sql: await startSqlEngine({ readable: [lake, spice], log }),
    pages: openPages(journal.table('pages.sessions'), now),
    log,
    onClose: (close) => void closers.push(close),
  };
  const server = await listen({ host, port, allowedHosts }, services, aws);
  aws.endpoint = `http://127.0.0.1:${server.port}`;
  for (const service of services) await service.start?.(aws);
  return {
    endpoint: aws.endpoint,
    region,
    account: aws.account,
    credentials,
    close: async () => {
      for (const close of closers.reverse()) await close();
      await server.close();
      await aws.sql.close();
      await shards.close();
      await journal.close();
    },
  };
}

/** One key pair a state folder, made at its first start and readable by its owner alone. */
async function loadCredentials(path: string): Promise<Local['credentials']> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Local['credentials'];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const made = {
    accessKeyId: `AKIALOCAL${randomBytes(6).toString('hex').toUpperCase().slice(0, 11)}`,
    secretAccessKey: randomBytes(30).toString('base64url'),
  };
  await writeFile(path, JSON.stringify(made), { mode: 0o600 });
  return made;
}

const toStderr: Aws['log'] = (part, message) => void process.stderr.write(`[${part}] ${message}\n`);
