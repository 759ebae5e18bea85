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

/** The worker process: every workflow and activity of one target, until it is told to stop. Prints `ready` once it polls. `also` goes around every activity. */
export async function runWorker(...also: ActivityInterceptorsFactory[]): Promise<never> {
  let shutdown: (() => Promise<void>) | undefined;
  exitWithParent(async () => shutdown?.());

  Runtime.install({
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => process.stderr.write(`${level} ${message} ${meta?.error ?? ''}\n`)),
    shutdownSignals: ['SIGTERM', 'SIGINT'],
  });

  const server = await serverFromEnvironment();
  if (!server) {
    process.stderr.write('The worker needs a Temporal server: set TEMPORAL_ADDRESS, or let npm start run one.\n');
    process.exit(2);
  }
  await checkServer(server).catch((error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  const connection = await NativeConnection.connect(server);
  const { namespace } = server;
  const target = targetFromEnvironment(process.env.AWS_REGION ?? 'us-east-1');
  const queue = await queueOf(target).catch((error: Error) => {
    process.stderr.write(`AWS in ${target.region} does not say whose credentials these are: ${error.message || error.name}\n`);
    process.exit(1);
  });
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

/** A local AWS is not asked whose credentials these are: it may come up after its worker. */
async function queueOf(target: Target): Promise<string> {
  const { region, endpoint } = target;
  if (endpoint !== undefined) return taskQueue({ target: 'local', region });
  return taskQueue({ target: 'aws', region, account: await accountOf(target) });
}
