import { Context } from '@temporalio/activity';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { type SendProgress, type Stretch, unsent } from '../activities/kinesis/stretch.ts';
import { dueBy } from '../pipeline/ledger.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { activitiesOf, world } from '../test/world.ts';
import { runWorker } from '../worker/run.ts';

type Activity = (...args: unknown[]) => unknown;

/** Milliseconds between two heartbeats: those of the product's own generator. */
const HEARTBEAT_MS = 250;

/** Takes as long over a range as its events do, and tells how far it is; nothing is sent. */
async function generate({ from, to, bases, until = 0, again }: Stretch & { again: boolean }): Promise<SendProgress> {
  const context = Context.current();
  let next = from;
  while ((next < to || Date.now() < until) && (again || !context.cancellationSignal.aborted)) {
    await context.sleep(HEARTBEAT_MS).catch(() => undefined);
    next = Math.max(from, Math.min(to, dueBy(bases, Date.now())));
    context.heartbeat({ ...unsent(from), next });
  }
  return { ...unsent(from), next, latest: Date.now() };
}

const accounts = new Map<string, Record<string, Activity>>();

/** The activities over an account in memory, one for each pipeline. */
function accountOf(name: string): Record<string, Activity> {
  const made = accounts.get(name) ?? {
    ...(activitiesOf(world()) as Record<string, Activity>),
    'lake.delivered': () => undefined,
    'kinesis.generate': (stretch) => generate(stretch as Stretch & { again: boolean }),
    'query.start': () => 'execution',
    'query.finished': (_pipeline, question) => ({ question, columns: [], rows: [], more: false, bytesScanned: 0, milliseconds: 0 }),
    'refresh.start': () => ({ ingestion: 'ingestion' }),
    'refresh.finished': () => 0,
  };
  accounts.set(name, made);
  return made;
}

/** What makes and removes schedules and workflows needs no AWS: that is the product's own. */
const OWN = /^(schedules|workflows)\./;

const inMemory: ActivityInterceptorsFactory = ({ info: { activityType } }) => ({
  inbound: {
    execute: async (input, next) => {
      if (OWN.test(activityType)) return next(input);
      const [first] = input.args as [Pipeline | { pipeline: Pipeline }];
      const { name } = 'pipeline' in first ? first.pipeline : first;
      return accountOf(name)[activityType]!(...input.args);
    },
  },
});

await runWorker(inMemory);
