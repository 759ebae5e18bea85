import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  CancelledFailure,
  condition,
  isCancellation,
  makeContinueAsNewFunc,
  setHandler,
} from '@temporalio/workflow';
import type { Pipeline } from '../pipeline/spec.ts';
import { keepWithinBudget, letGoOn, stopWarmingUp, watchBudget } from './allowance.ts';
import { bringUp, CARRIERS, changesAnything, mustFit, refusal, surveyStages } from './bring-up.ts';
import { addUp } from './budget.ts';
import { childrenOf } from './children.ts';
import { ignoreCancellation, rootMessage } from './failure.ts';
import { isHistoryLong } from './history.ts';
import {
  type ApplyRequest,
  alreadyEnding,
  applicationRuns,
  apply,
  auditFinished,
  breakOff,
  type Leftovers,
  type PipelineStatus,
  pause,
  rateChanged,
  resume,
  retry,
  stageMoved,
  statusQuery,
  teardown,
  windowsClosed,
} from './messages.ts';
import { initialStatus, publishDetails, setState } from './status.ts';
import { removeCreated, tearDown } from './teardown.ts';
import { lookEvery, lookForDrift, lookForWorkflows } from './watch.ts';

const HISTORY_EVENTS = 1_500;

/**
 * One pipeline's life: it brings everything up in the order of the data, watches over it, changes it as asked, and takes it down. `status` comes from an
 * earlier run of the same pipeline, `asked` is a request that this run had not carried out. It ends with what its take-down left.
 */
export async function operate(
  request: ApplyRequest,
  status: PipelineStatus = initialStatus(request.pipeline),
  asked = status.readyAt === undefined,
): Promise<Leftovers> {
  let todo: ApplyRequest | undefined = asked ? request : undefined;
  let isHeld = status.state === 'held' || status.halfDown === true;
  let ending: { keepData: boolean; leftovers: Promise<Leftovers> } | undefined;
  let gone: Leftovers | undefined;
  let answering = false;
  let isWorking = false;
  let brokenOff: { rollback: boolean } | undefined;
  let climb: CancellationScope | undefined;
  let look: CancellationScope | undefined;
  const children = childrenOf(status);

  setHandler(statusQuery, () => status);
  setHandler(stageMoved, (stage, state, fault) => {
    status.stages[stage] = state;
    if (fault === undefined) delete status.faults[stage];
    else status.faults[stage] = fault;
    publishDetails(status);
  });
  setHandler(windowsClosed, (pauses) => {
    status.closed = pauses === status.pauses;
  });
  setHandler(applicationRuns, (runs) => {
    status.studioRuns = runs;
    addUp(status);
  });
  setHandler(rateChanged, (rate) => {
    status.rateOverride = rate;
    addUp(status);
  });
  setHandler(auditFinished, (summary) => {
    status.audit = summary;
    publishDetails(status);
  });
  setHandler(pause, async (how) => {
    children.want({ paused: true, ...(how?.deep && { deep: true }) });
    if (how?.deep) await stopWarmingUp(status);
  });
  setHandler(resume, () => {
    if (status.overBudget !== undefined) letGoOn(status);
    status.unsaved = undefined;
    children.want({ paused: false, deep: false });
  });
  const accept = (next: ApplyRequest): void => {
    todo = next;
    isHeld = false;
    brokenOff = undefined;
    status.applyPending = true;
  };
  setHandler(retry, (consent) => {
    if (!isHeld) return;
    const wanted: ApplyRequest = todo ?? { pipeline: status.pipeline, heals: true };
    accept({ ...wanted, consent: consent ?? wanted.consent });
  });
  setHandler(breakOff, (how) => {
    brokenOff = how;
    climb?.cancel();
  });
  setHandler(
    apply,
    async (next) => {
      answering = true;
      try {
        const report = await surveyStages(next);
        const refused = refusal(report, next.consent);
        if (refused) throw ApplicationFailure.nonRetryable(refused, 'Refused');
        status.rolledBack = undefined;
        if (changesAnything(status, next, report.stages)) accept(next);
        return report;
      } finally {
        answering = false;
      }
    },
    {
      validator: (next) => {
        const { name } = next.pipeline;
        const isClimbing = climb !== undefined || status.state === 'rolling back';
        if (ending || isClimbing) throw new Error(`pipeline ${name} is ${status.state}; try again once that is done`);
        const isApplying = answering || (todo !== undefined && !isHeld);
        if (isApplying) throw new Error(`another spec is being applied to pipeline ${name}; try again once that is done`);
        mustFit(next.pipeline, status.pipeline);
      },
    },
  );
  const takenDown = async (keepData: boolean): Promise<Leftovers> => {
    status.halfDown = true;
    const before = status.state;
    setState(status, 'taking down');
    climb?.cancel();
    look?.cancel();
    await condition(() => !isWorking && !children.areBusy());
    try {
      // One that failed later has let all through already: its streams may be gone.
      const unsaved = keepData ? (status.unsaved ?? (await children.drain())) : undefined;
      status.unsaved = unsaved;
      gone = await tearDown({ pipeline: status.pipeline, keepData, unsaved });
      setState(status, 'gone');
      return gone;
    } catch (error) {
      // It stays, half taken down, for another try.
      ending = undefined;
      isHeld = true;
      setState(status, before === 'paused' ? before : 'held', `taking it down failed: ${rootMessage(error)}`);
      throw error;
    }
  };
  setHandler(
    teardown,
    ({ keepData }) => {
      ending ??= { keepData, leftovers: takenDown(keepData) };
      return ending.leftovers;
    },
    {
      validator: ({ keepData }) => {
        if (ending && ending.keepData !== keepData) throw new Error(alreadyEnding(status.pipeline, ending.keepData));
      },
    },
  );

  /** Brings up or changes what `wanted` asks for; when that fails, holds, or takes away again what it made. */
  const carryOut = async (wanted: ApplyRequest): Promise<void> => {
    const before = status.pipeline;
    setState(status, status.readyAt === undefined ? 'starting' : 'applying');
    status.halfDown = undefined;
    status.unsaved = undefined;
    status.healing = wanted.heals;
    try {
      if (brokenOff !== undefined) throw new CancelledFailure('broken off before it began');
      brokenOff = undefined;
      await climbTo(wanted);
      if (todo === wanted) todo = undefined;
      isHeld = false;
    } catch (error) {
      if (ending) return;
      const isCancelled = isCancellation(error);
      const asked = brokenOff as { rollback: boolean } | undefined; // set by the signal's handler meanwhile
      const reason = isCancelled ? 'it was broken off' : rootMessage(error);
      const rollback = asked?.rollback ?? wanted.rollback ?? false;
      if (rollback) await CancellationScope.nonCancellable(() => rollBack(wanted, status.lastApplied ?? before, reason));
      else hold(wanted, isCancelled ? `${reason}; what was made so far stays` : reason);
      // Broken off on purpose, it is for the user to take up again.
      if (isCancelled && !rollback) todo ??= wanted;
      if (isCancelled && CancellationScope.current().consideredCancelled) throw error;
    } finally {
      status.healing = undefined;
    }
  };
  const climbTo = async (wanted: ApplyRequest): Promise<void> => {
    const own = new CancellationScope();
    climb = own;
    const watching = watchBudget(status, children, () => climb !== own).catch(ignoreCancellation);
    try {
      await own.run(() => bringUp(wanted, status, children));
    } finally {
      climb = undefined;
    }
    await watching;
    status.lastApplied = wanted.pipeline;
    status.created = [];
    status.adopted = {};
    status.readyAt ??= Date.now();
    addUp(status);
    setState(status, status.paused ? 'paused' : 'running', status.overBudget);
  };
  /** A request that was accepted meanwhile is carried out all the same. */
  const hold = (wanted: ApplyRequest, reason: string): void => {
    if (todo !== undefined && todo !== wanted) return;
    isHeld = true;
    setState(status, 'held', reason);
  };
  /** Takes away what the failed request made; a pipeline that stood before goes back to that. */
  const rollBack = async (wanted: ApplyRequest, before: Pipeline, reason: string): Promise<void> => {
    setState(status, 'rolling back', reason);
    const stood = status.readyAt !== undefined;
    try {
      const isLeaky = stood && !status.eventsHeld && CARRIERS.some((stage) => status.created.includes(stage));
      if (isLeaky) await children.awaitDelivery();
      await removeCreated({ pipeline: status.pipeline, made: status.created, adopted: status.adopted, andWorkflows: !stood });
      if (ending) return;
      if (stood) await climbTo({ pipeline: before, heals: true });
    } catch (error) {
      if (ending) return;
      hold(wanted, `${reason}; rolling that back failed: ${rootMessage(error)}`);
      return;
    }
    if (!stood) throw ApplicationFailure.nonRetryable(`rolled back, since ${reason}`, 'RolledBack');
    if (todo === wanted) todo = undefined;
    isHeld = false;
    status.rolledBack = reason;
  };
  const heal = async (): Promise<boolean> => {
    brokenOff = undefined;
    await carryOut({ pipeline: status.pipeline, heals: true });
    return status.state !== 'held';
  };
  const lookAround = async (every: ReturnType<typeof lookEvery>): Promise<void> => {
    const { readyAt, lookedAt = readyAt } = status;
    const isDue = lookedAt !== undefined && Date.now() - lookedAt >= every.drift - every.cost / 2;
    // While a request is held, some of what stands is by it and some by the spec before: that is for the user to decide.
    const mayHeal = status.pipeline.drift === 'heal' && todo === undefined;
    try {
      await keepWithinBudget(status, children);
      if (!isDue || status.halfDown) return;
      if (todo !== undefined) {
        status.lookedAt = Date.now();
        if (status.lastApplied) await lookForWorkflows(status, children, status.lastApplied);
      } else await lookForDrift(status, children, () => ending !== undefined || todo !== undefined, mayHeal ? heal : undefined);
    } catch (error) {
      if (ending) return;
      if (isCancellation(error)) throw error;
      status.lookedAt = Date.now();
      setState(status, status.state, `the look at drift and cost failed: ${rootMessage(error)}`);
    }
  };

  const isSettled = () => !ending && status.state !== 'rolling back';
  const steering = children.steer(() => gone !== undefined, isSettled).catch(ignoreCancellation);
  const isCrowded = () => isHistoryLong(HISTORY_EVENTS);
  const isIdle = () => !ending && !answering && (todo === undefined || isHeld) && children.areStill();
  const isCalled = () => gone !== undefined || (!ending && todo !== undefined && !isHeld) || (isCrowded() && isIdle());
  /** A take-down waits for what is being done. */
  const working = async (work: Promise<void>): Promise<void> => {
    isWorking = true;
    try {
      await work;
    } finally {
      isWorking = false;
    }
  };
  publishDetails(status);
  while (gone === undefined) {
    if (todo && !isHeld && !ending) await working(carryOut(todo));
    status.applyPending = undefined;
    const every = lookEvery(status.pipeline);
    const isNews = await condition(isCalled, Math.min(every.drift, every.cost), { summary: 'until the next look at drift and cost' });
    if (!isNews && !ending) {
      look = new CancellationScope();
      await working(look.run(() => lookAround(every)));
      look = undefined;
    }
    if (isCrowded() && isIdle()) {
      await condition(allHandlersFinished);
      if (isIdle()) await turnOver(todo ?? { pipeline: status.pipeline }, status, todo !== undefined);
    }
  }
  await condition(allHandlersFinished);
  await steering;
  return gone;
}

/** The next run of the same pipeline, which starts with the memo of the first unless told. */
const turnOver = (request: ApplyRequest, status: PipelineStatus, asked: boolean): Promise<never> =>
  makeContinueAsNewFunc<typeof operate>({ memo: status.memo })(request, status, asked);
