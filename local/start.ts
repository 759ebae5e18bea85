import { randomBytes, randomInt } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { startSqlEngine } from './athena/engine.ts';
import type { Aws } from './aws.ts';
import { type CallLog, callLog } from './call-log.ts';
import { type Clock, realClock } from './clock.ts';
import { type FaultPlan, type Faults, faults } from './faults.ts';
import { accessKeys } from './iam/keys.ts';
import { type Journal, openJournal } from './journal.ts';
import { shardLogs } from './kinesis/log.ts';
import { openPages } from './pages.ts';
import { type Behaviour, type Durations, durations } from './profile.ts';
import { openObjects } from './s3/store.ts';
import { listen } from './server.ts';
import { services } from './services.ts';

/** Where and how the local AWS runs. `dir` is its state folder; `port` 0 takes a free one. */
export interface LocalOptions extends Behaviour {
  dir: string;
  port?: number;
  host?: string;
  /** Host names answered besides the loopback ones (containers). */
  allowedHosts?: string[];
  region?: string;
  /** Where the account's QuickSight has its users, groups and subscription; `region` unless told. */
  identityRegion?: string;
  now?: () => number;
  clock?: Clock;
  /** What goes wrong from the start. */
  faults?: FaultPlan;
  /** Whether the process is the local AWS's own, so that faults may kill it; not unless told. */
  mayCrash?: boolean;
  /** Where every call is written down, as JSON lines; where `DATA2DASHBOARD_CALL_LOG` says unless told, if it says anything. */
  callLog?: string;
  /** Keeps the data of calls too, which is otherwise logged by its size. */
  wholeCalls?: boolean;
  /** How refusals of a role that has not spread yet are worded: as AWS is known to, or as nobody has seen. */
  roleWording?: Aws['roleWording'];
  log?: Aws['log'];
}

/** A running local AWS. */
export interface Local {
  endpoint: string;
  region: string;
  account: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  /** What the durations of this state folder are drawn by. */
  seed: number;
  /** The durations drawn so far. */
  drawn: Durations['drawn'];
  faults: Faults;
  calls: CallLog;
  close(): Promise<void>;
}

/** Starts the local AWS on the state in `dir`, taking up deliveries, crawls and applications that were under way. */
export async function startLocal({
  dir: state,
  port = 0,
  host = '127.0.0.1',
  allowedHosts,
  region = 'us-east-1',
  identityRegion = region,
  now = Date.now,
  clock = realClock(now),
  roleWording = 'known',
  faults: plan,
  mayCrash,
  callLog: callLogFile = process.env.DATA2DASHBOARD_CALL_LOG,
  wholeCalls,
  log = toStderr,
  ...behaviour
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
  const times = durations({ ...behaviour, seed: seedOf(journal, behaviour.seed) }, journal.table('profile.begun'));
  const striking = faults(plan, journal.table('faults'), mayCrash);
  const calls = callLog(callLogFile, wholeCalls, journal.table('calls'));
  const closers: (() => void | Promise<void>)[] = [];
  const aws: Aws = {
    account: '000000000000',
    region,
    identityRegion,
    credentials,
    keys: accessKeys(credentials),
    dir,
    endpoint: '',
    now: clock.now,
    sleep: clock.sleep,
    begins: times.begins,
    takes: times.takes,
    get roleWording() {
      return striking.roleWording() ?? roleWording;
    },
    faults: striking,
    calls,
    drawn: times.drawn,
    journal,
    shards,
    objects: openObjects(lake, journal, clock.now),
    sql: await startSqlEngine({ readable: [lake, spice], spill: join(dir, 'athena-spill'), log }),
    pages: openPages(journal.table('pages.sessions'), clock.now),
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
    seed: seedOf(journal),
    drawn: times.drawn,
    faults: striking,
    calls,
    close: async () => {
      for (const close of closers.reverse()) await close();
      await server.close();
      await aws.sql.close();
      await shards.close();
      await journal.close();
      calls.close();
    },
  };
}

/** The seed of a state folder: what is under way when the process ends must take as long as it would have. */
function seedOf(journal: Journal, given?: number): number {
  const kept = journal.table<{ seed: number }>('profile');
  const seed = given ?? kept.get('seed')?.seed ?? randomInt(1, 2 ** 31);
  if (kept.get('seed')?.seed !== seed) kept.set('seed', { seed });
  return seed;
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
