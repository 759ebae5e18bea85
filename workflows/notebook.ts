import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  log,
  proxyActivities,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, speedOf } from '../pipeline/spec.ts';
import { rootMessage } from './failure.ts';
import { isHistoryLong } from './history.ts';
import { applicationRuns, type NotebookState, notebookQuery, resume, suspend, updateSpec } from './messages.ts';
import { signalIfRunning } from './signal.ts';
import { notebookDetails } from './story.ts';

const act = proxyActivities<Activities>({
  startToCloseTimeout: '4 minutes',
  heartbeatTimeout: '5 seconds',
  summary: 'keeps the SQL running',
  scheduleToCloseTimeout: '15 minutes',
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.3, maximumInterval: '5 seconds' },
});

/** Between looks, of AWS's time. */
const LOOK_MS = 10_000;
/** While it is suspended somebody may start the application by hand. */
const SUSPENDED_LOOK_MS = 300_000;
/** Whether windows come out is looked at every so many looks. */
const FLOW_LOOKS = 6;
/** What the job does not get to before it is suspended within this comes out when it is resumed. */
const CATCHES_UP_MS = 300_000;
const HISTORY_EVENTS = 1_000;

/** What a notebook's workflow goes on with; of its status nothing is lost from turn to turn. */
interface Kept extends Partial<NotebookState> {
  pipeline: Pipeline;
  /** True once the note has run. */
  ran?: boolean;
  suspended?: boolean;
}

/**
 * Keeps the SQL running: starts the Studio application, runs the note from where the windows stopped, sees that its job runs and that windows come out, and runs it
 * again whenever it does not. While suspended the application is stopped, whoever starts it.
 */
export async function keepNotebook({ pipeline: first, ran = false, suspended: wasSuspended = false, ...before }: Kept): Promise<void> {
  let pipeline = first;
  let suspended = wasSuspended;
  let hasRun = ran;
  let isNews = false;
  // One that begins suspended has not stopped the application yet.
  const status: NotebookState = { state: suspended ? 'stopped' : 'starting', restarts: 0, ...before };
  const show = (now: Partial<NotebookState>): void => {
    Object.assign(status, now);
    setCurrentDetails(notebookDetails(pipeline, status));
  };
  setHandler(notebookQuery, () => status);
  let looking: CancellationScope | undefined;
  setHandler(suspend, () => {
    const cuts = looking !== undefined && !suspended;
    suspended = true;
    if (cuts) looking!.cancel();
  });
  setHandler(resume, () => {
    if (suspended) looking?.cancel();
    suspended = false;
  });
  setHandler(updateSpec, (changed) => {
    pipeline = changed;
    isNews = true;
  });

  let told: boolean | undefined;
  /** Says to the pipeline whether the application runs, when that has changed. */
  const tell = async (runs: boolean): Promise<void> => {
    if (told === runs) return;
    told = runs;
    await signalIfRunning(names(pipeline).workflows.pipeline, applicationRuns, runs);
  };

  /** Sees that the job runs; one that does not is begun where its windows stopped. */
  const run = async (): Promise<void> => {
    await act['notebook.start'](pipeline);
    await act['notebook.started'](pipeline);
    if (!suspended) await tell(true);
    const { running, reason = 'nothing was said of it' } = await act['notebook.look'](pipeline);
    if (running) return;
    const isRestart = hasRun && status.state !== 'suspended';
    if (isRestart) show({ restarts: status.restarts + 1, lastRestart: { at: Date.now(), reason } });
    show({ state: 'starting', reason });
    show({ gap: await act['notebook.seed'](pipeline) });
    await act['notebook.started'](pipeline);
    await act['notebook.run'](pipeline);
    await act['notebook.runs'](pipeline);
    hasRun = true;
  };

  let looks = 0;
  /** Sees to it that the job runs, and every now and then that windows come out. */
  const look = async (): Promise<void> => {
    await run();
    if (status.state !== 'running') {
      looks = 0;
      show({ state: 'running', reason: undefined });
    }
    if (++looks % FLOW_LOOKS === 0) show({ reason: await act['notebook.flow'](pipeline) });
  };

  /** Since the last look events may have come that the job does not read, as it is started anew for other shards: it gets to them before it is suspended. */
  const catchUp = async (): Promise<void> => {
    const mayLag = hasRun && (status.state === 'running' || status.state === 'starting');
    if (!mayLag) return;
    looking = new CancellationScope({ cancellable: true, timeout: CATCHES_UP_MS });
    try {
      await looking.run(run);
    } catch (error) {
      if (CancellationScope.current().consideredCancelled) throw error;
      log.warn(`some windows come out only once it is resumed: ${rootMessage(error)}`);
    } finally {
      looking = undefined;
    }
  };

  show({});
  while (!isHistoryLong(HISTORY_EVENTS)) {
    const wanted = suspended;
    isNews = false;
    try {
      if (wanted) {
        await catchUp();
        if (suspended) {
          await act['notebook.stop'](pipeline);
          await tell(false);
          show({ state: 'suspended', reason: undefined });
        }
      } else {
        looking = new CancellationScope();
        await looking.run(look);
      }
    } catch (error) {
      const isCut = looking?.consideredCancelled === true && !CancellationScope.current().consideredCancelled;
      if (isCancellation(error) && !isCut) throw error;
      if (!isCancellation(error)) show({ state: 'stopped', reason: rootMessage(error) });
    } finally {
      looking = undefined;
    }
    const isCalled = () => suspended !== wanted || isNews;
    const every = status.state === 'suspended' ? SUSPENDED_LOOK_MS : LOOK_MS;
    await condition(isCalled, every / speedOf(pipeline), { summary: 'until the next look' });
  }
  await condition(allHandlersFinished);
  await continueAsNew<typeof keepNotebook>({ ...status, pipeline, ran: hasRun, suspended });
}
