import {
  type ActivityOptions,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  log,
  patched,
  proxyActivities,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, speedOf } from '../pipeline/spec.ts';
import { learned, type Seen } from '../pipeline/waiting.ts';
import { HEARD_OUT } from './activity-options.ts';
import { rootMessage } from './failure.ts';
import { isHistoryLong } from './history.ts';
import { applicationRuns, type NotebookState, notebookQuery, resume, suspend, updateSpec } from './messages.ts';
import { signalIfRunning } from './signal.ts';
import { notebookDetails } from './story.ts';

const OPTIONS = {
  startToCloseTimeout: '4 minutes',
  heartbeatTimeout: '5 seconds',
  summary: 'keeps the SQL running',
  scheduleToCloseTimeout: '15 minutes',
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.3, maximumInterval: '5 seconds' },
} as const satisfies ActivityOptions;
const act = proxyActivities<Activities>(OPTIONS);
/** What may start the application, or make it anew: once cut short it has ended before anybody stops or removes it. */
const heardOut = proxyActivities<Activities>({ ...OPTIONS, ...HEARD_OUT });
const starting = () => (patched('in-step') ? heardOut : act);

/** Between looks, of AWS's time. */
const LOOK_MS = 10_000;
/** While it is suspended somebody may start the application by hand. */
const SUSPENDED_LOOK_MS = 300_000;
/** Whether windows come out is looked at every so many looks. */
const FLOW_LOOKS = 6;
/** What the job does not get to before it is suspended within this comes out when it is resumed. */
const CATCHES_UP_MS = 300_000;
const HISTORY_EVENTS = 1_000;
const ROWS_LOST = 'what carries its rows was made anew, and rows that were on their way are lost: they are made once more';

/** What a notebook's workflow goes on with; of its status nothing is lost from turn to turn. */
interface Kept extends Partial<NotebookState> {
  pipeline: Pipeline;
  /** True once the note has run. */
  ran?: boolean;
  suspended?: boolean;
  /** Since when rows are lost, which the SQL is to make anew; milliseconds since the epoch. Known until they are out. */
  rowsLostFrom?: number;
  /** True once a SQL has been begun that makes these. */
  remakes?: boolean;
  /** The waits seen until the application ran that was asked to start. */
  starts?: Seen;
}

/** A notebook's keeper at work. */
interface Keeper extends Required<Pick<Kept, 'pipeline' | 'ran' | 'suspended' | 'remakes'>>, Pick<Kept, 'rowsLostFrom' | 'starts'> {
  status: NotebookState;
  /** The spec has changed since the last look. */
  isNews: boolean;
  /** How often it was told of lost rows. */
  losses: number;
  /** Looks at a job that runs, since it last began to. */
  looks: number;
  /** How the application was found, in words, until the job runs again. */
  found?: string;
  /** What the pipeline was told last: whether the application runs. */
  told?: boolean;
  /** What `suspend` and `resume` cut short. */
  looking?: CancellationScope;
}

/**
 * Keeps the SQL running: starts the Studio application, runs the note from where the windows stopped, sees that its job runs and that windows come out, and runs it
 * again whenever it does not. While suspended the application is stopped, whoever starts it.
 */
export async function keepNotebook({
  pipeline,
  ran = false,
  suspended = false,
  remakes = false,
  rowsLostFrom,
  starts,
  ...before
}: Kept): Promise<void> {
  // One that begins suspended has not stopped the application yet.
  const status: NotebookState = { state: suspended ? 'stopped' : 'starting', restarts: 0, ...before };
  const keeper: Keeper = { pipeline, ran, suspended, remakes, rowsLostFrom, starts, status, isNews: false, losses: 0, looks: 0 };
  heed(keeper);
  show(keeper, {});
  while (!isHistoryLong(HISTORY_EVENTS)) {
    const wanted = keeper.suspended;
    keeper.isNews = false;
    try {
      if (wanted) await keepSuspended(keeper);
      else {
        keeper.looking = new CancellationScope();
        await keeper.looking.run(() => keepRunning(keeper));
      }
    } catch (error) {
      const isCut = keeper.looking?.consideredCancelled === true && !CancellationScope.current().consideredCancelled;
      if (isCancellation(error) && !isCut) throw error;
      // An attempt that was heard out may have ended in words of its own.
      const isFault = !isCancellation(error) && !(isCut && patched('in-step'));
      if (isFault) show(keeper, { state: 'stopped', reason: rootMessage(error) });
    } finally {
      keeper.looking = undefined;
    }
    const isCalled = () => keeper.suspended !== wanted || keeper.isNews;
    const every = status.state === 'suspended' ? SUSPENDED_LOOK_MS : LOOK_MS;
    await condition(isCalled, every / speedOf(keeper.pipeline), { summary: 'until the next look' });
  }
  await condition(allHandlersFinished);
  await continueAsNew<typeof keepNotebook>({ ...status, ...carriedOver(keeper) });
}

function heed(keeper: Keeper): void {
  setHandler(notebookQuery, () => keeper.status);
  setHandler(suspend, () => {
    const cuts = keeper.looking !== undefined && !keeper.suspended;
    keeper.suspended = true;
    if (cuts) keeper.looking!.cancel();
  });
  setHandler(resume, () => {
    if (keeper.suspended) keeper.looking?.cancel();
    keeper.suspended = false;
  });
  setHandler(updateSpec, (changed, how) => {
    keeper.pipeline = changed;
    keeper.isNews = true;
    if (how?.rowsLostFrom === undefined) return;
    keeper.rowsLostFrom ??= how.rowsLostFrom;
    keeper.remakes = false;
    keeper.losses++;
  });
}

/** Shows a change of the status from now on, in the Temporal UI, too. */
function show({ pipeline, status }: Keeper, change: Partial<NotebookState>): void {
  Object.assign(status, change);
  setCurrentDetails(notebookDetails(pipeline, status));
}

/** Says to the pipeline whether the application runs, when that has changed. */
async function tellPipeline(keeper: Keeper, runs: boolean): Promise<void> {
  if (keeper.told === runs) return;
  keeper.told = runs;
  await signalIfRunning(names(keeper.pipeline).workflows.pipeline, applicationRuns, runs);
}

/** Sees to it that the job runs, and every now and then that windows come out. */
async function keepRunning(keeper: Keeper): Promise<void> {
  await ensureJob(keeper);
  if (keeper.status.state !== 'running') {
    keeper.looks = 0;
    show(keeper, { state: 'running', reason: undefined });
  }
  if (++keeper.looks % FLOW_LOOKS === 0) show(keeper, { reason: await whyNoWindows(keeper) });
}

/** Why no windows come out although events go in, or only late; that it cannot be told holds up nothing. */
async function whyNoWindows({ pipeline }: Keeper): Promise<string | undefined> {
  try {
    return await act['notebook.checkFlow'].executeWithOptions({ scheduleToCloseTimeout: '1 minute' }, [pipeline]);
  } catch (error) {
    if (isCancellation(error)) throw error;
    return `whether windows come out could not be seen: ${rootMessage(error)}`;
  }
}

function carriedOver({ pipeline, ran, suspended, remakes, rowsLostFrom, starts }: Keeper): Kept {
  return { pipeline, ran, suspended, remakes, rowsLostFrom, starts };
}

/** Sees to it that the application is stopped, once the job has got to what it does not read yet. */
async function keepSuspended(keeper: Keeper): Promise<void> {
  await catchUp(keeper);
  if (!keeper.suspended) return;
  await act['notebook.stop'](keeper.pipeline);
  await tellPipeline(keeper, false);
  show(keeper, { state: 'suspended', reason: undefined });
}

/** Sees that the job runs; one that does not is begun where its windows stopped, and while rows are lost where these began. */
async function ensureJob(keeper: Keeper): Promise<void> {
  const { status } = keeper;
  // Saved histories have one without an answer.
  const started: { found?: string } | undefined = await starting()['notebook.start'](keeper.pipeline, keeper.rowsLostFrom);
  keeper.found ??= started?.found;
  const since = Date.now();
  // One that was on its way before, or ran, tells nothing.
  const isWhole = started?.found !== undefined;
  await act['notebook.awaitStarted'](keeper.pipeline, isWhole ? keeper.starts : undefined);
  if (isWhole) keeper.starts = learned(keeper.starts, (Date.now() - since) * speedOf(keeper.pipeline));
  if (!keeper.suspended) await tellPipeline(keeper, true);
  const job = await act['notebook.checkJob'](keeper.pipeline);
  const { rowsLostFrom, losses } = keeper;
  const isLossNew = rowsLostFrom !== undefined && !keeper.remakes;
  if (job.running && !isLossNew) {
    keeper.found = undefined;
    if (rowsLostFrom !== undefined && (await isCaughtUp(keeper)) && losses === keeper.losses) forgetLoss(keeper);
    return;
  }
  const reason = isLossNew ? ROWS_LOST : (keeper.found ?? job.reason ?? 'nothing was said of it');
  const isRestart = keeper.ran && status.state !== 'suspended';
  if (isRestart) show(keeper, { restarts: status.restarts + 1, lastRestart: { at: Date.now(), reason } });
  show(keeper, { state: 'starting', reason });
  show(keeper, { gap: await starting()['notebook.seed'](keeper.pipeline, rowsLostFrom) });
  await act['notebook.awaitStarted'](keeper.pipeline, keeper.starts);
  await act['notebook.run'](keeper.pipeline);
  await act['notebook.awaitRunning'](keeper.pipeline);
  // The lake has newer windows than those that are lost: should this SQL end before it is past them, the next one must not go on behind them.
  if (rowsLostFrom !== undefined && patched('rows-out')) keeper.remakes = losses === keeper.losses;
  else if (keeper.rowsLostFrom === rowsLostFrom) forgetLoss(keeper);
  keeper.ran = true;
  keeper.found = undefined;
}

/** Whether the SQL has put out what it makes anew; that it cannot be told is no fault of the SQL. */
async function isCaughtUp({ pipeline }: Keeper): Promise<boolean> {
  try {
    return await act['notebook.isCaughtUp'].executeWithOptions({ scheduleToCloseTimeout: '2 minutes' }, [pipeline]);
  } catch (error) {
    if (isCancellation(error)) throw error;
    return false;
  }
}

function forgetLoss(keeper: Keeper): void {
  keeper.rowsLostFrom = undefined;
  keeper.remakes = false;
}

/** Since the last look events may have come that the job does not read, as it is started anew for other shards: it gets to them before it is suspended. */
async function catchUp(keeper: Keeper): Promise<void> {
  const mayLag = keeper.ran && (keeper.status.state === 'running' || keeper.status.state === 'starting');
  if (!mayLag) return;
  keeper.looking = new CancellationScope({ cancellable: true, timeout: CATCHES_UP_MS });
  try {
    await keeper.looking.run(() => ensureJob(keeper));
  } catch (error) {
    if (CancellationScope.current().consideredCancelled) throw error;
    log.warn(`some windows come out only once it is resumed: ${rootMessage(error)}`);
  } finally {
    keeper.looking = undefined;
  }
}
