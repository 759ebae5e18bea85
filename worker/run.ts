import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { type ActivityInterceptorsFactory, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { accountOf } from '../activities/caller.ts';
import { createActivities } from '../activities/index.ts';
import { type Target, targetFromEnvironment } from '../activities/target.ts';
import { exitWithParent } from '../processes/children.ts';
import { bundledWorkflows } from '../setup/steps/bundles.mjs';
import { projectRoot } from '../setup/tools.mjs';
import { checkServer, serverFromEnvironment, taskQueue } from './connect.ts';
import { heartbeats } from './heartbeat.ts';

/**
 * The worker process: every workflow and activity of one target, until it is told to stop or its parent is gone. Says on stdout for which target, region and account
 * it works and on which task queue, then `ready` once it polls. Exits with 2 where the environment does not say what it needs, with 1 where Temporal or AWS does not
 * take it. `also` goes around every activity.
 */
export async function runWorker(...also: ActivityInterceptorsFactory[]): Promise<never> {
  let shutdown: (() => Promise<void>) | undefined;
  exitWithParent(async () => shutdown?.());

  Runtime.install({
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => process.stderr.write(`${level} ${message} ${meta?.error ?? ''}\n`)),
    shutdownSignals: ['SIGTERM', 'SIGINT'],
  });

  const server = await serverFromEnvironment().catch((error: Error) => exitWith(2, error.message));
  if (!server) exitWith(2, 'The worker needs a Temporal server: set TEMPORAL_ADDRESS, or let npm start run one.');
  await checkServer(server).catch((error: Error) => exitWith(1, error.message));
  const connection = await NativeConnection.connect(server);
  const { address, namespace } = server;
  const target = targetFromEnvironment(process.env.AWS_REGION ?? 'us-east-1');
  if (process.env.AWS_ENDPOINT_URL !== undefined && target.endpoint === undefined)
    exitWith(2, 'AWS_ENDPOINT_URL is set without a key pair: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or unset it to work on AWS.');
  const work = await workOn(target).catch((error: Error) =>
    exitWith(1, `AWS in ${target.region} does not say whose credentials these are: ${error.message || error.name}`),
  );
  const queue = taskQueue(work);
  process.stdout.write(`A worker for ${wordsOf(work)}, on task queue ${queue} of Temporal at ${address}, namespace ${namespace}.\n`);
  const bundle = bundledWorkflows(projectRoot);
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue: queue,
    ...(bundle
      ? { workflowBundle: { codePath: bundle } }
      : { workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)) }),
    activities: createActivities({ target, client: new Client({ connection, namespace }), taskQueue: queue }),
    // A lane of a generator holds one all the time.
    maxConcurrentActivityTaskExecutions: 1000,
    interceptors: { activity: [heartbeats, ...also] },
    maxHeartbeatThrottleInterval: '500 milliseconds',
    // What a killed worker had in its cache is taken up by another this soon; the default is 10 seconds.
    stickyQueueScheduleToStartTimeout: '2 seconds',
    shutdownGraceTime: '1 second',
    shutdownForceTime: '8 seconds',
  });
  const running = worker.run();
  shutdown = async () => {
    worker.shutdown();
    await running;
  };
  process.stdout.write('ready\n');
  await running;
  await connection.close();
  process.exit(0);
}

/** Ends the process with one line on stderr. */
function exitWith(code: 1 | 2, line: string): never {
  process.stderr.write(`${line}\n`);
  process.exit(code);
}

type Work = { target: 'local'; region: string; endpoint: string } | { target: 'aws'; region: string; account: string };

/** What a worker works on. A local AWS is not asked whose credentials these are: it may come up after its worker. */
async function workOn(target: Target): Promise<Work> {
  const { region, endpoint } = target;
  if (endpoint !== undefined) return { target: 'local', region, endpoint };
  return { target: 'aws', region, account: await accountOf(target) };
}

const wordsOf = (work: Work): string =>
  `target ${work.target}, region ${work.region}, ${work.target === 'aws' ? `account ${work.account}` : `the local AWS at ${work.endpoint}`}`;
