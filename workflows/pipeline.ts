import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  CancelledFailure,
  condition,
  isCancellation,
  makeContinueAsNewFunc,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Pipeline } from '../pipeline/spec.ts';
import { keepWithinBudget, letGoOn, stopWarmingUp, watchBudget } from './allowance.ts';
import { bringUp, CARRIERS, changesAnything, mustFit, refusal, surveyed } from './bring-up.ts';
import { addUp } from './budget.ts';
import { rootMessage, unlessCancelled } from './failure.ts';
import { handsOn } from './hands.ts';
import {
  alreadyEnding,
  applicationRuns,
  apply,
  audited,
  breakOff,
  type Leftovers,
  type PipelineStatus,
  pause,
  rated,
  resume,
  retry,
  stageMoved,
  status,
  teardown,
  type Wish,
  windowsClosed,
} from './messages.ts';
import { born, rename, tell } from './picture.ts';
import { endEverything, takeAwayMade } from './teardown.ts';
import { lookEvery, lookForDrift, lookForWorkflows } from './watch.ts';

const HISTORY_EVENTS = 1_500;

/**
 * One pipeline's life: it brings everything up in the order of the data, watches over it, changes it as asked, and takes it down. `picture` comes from an
 * earlier run of the same pipeline, `asked` is a wish that this run had not carried out. It ends with what its take-down left.
 */
export async function operate(
  wish: Wish,
  picture: PipelineStatus = born(wish.pipeline),
  asked = picture.readyAt === undefined,
): Promise<Leftovers> {
  let todo: Wish | undefined = asked ? wish : undefined;
  let isHeld = picture.state === 'held' || picture.halfDown === true;
  let ending: { keepData: boolean; leftovers: Promise<Leftovers> } | undefined;
  let gone: Leftovers | undefined;
  let answering = false;
  let isWorking = false;
  let brokenOff: { rollback: boolean } | undefined;
  let climb: CancellationScope | undefined;
  let look: CancellationScope | undefined;
  const hands = handsOn(picture);

  setHandler(status, () => picture);
  setHandler(stageMoved, (stage, state, fault) => {
    picture.stages[stage] = state;
    if (fault === undefined) delete picture.faults[stage];
    else picture.faults[stage] = fault;
    tell(picture);
  });
  setHandler(windowsClosed, (pauses) => {
    picture.closed = pauses === picture.pauses;
  });
  setHandler(applicationRuns, (runs) => {
    picture.studioRuns = runs;
    addUp(picture);
  });
  setHandler(rated, (rate) => {
    picture.rated = rate;
    addUp(picture);
  });
  setHandler(audited, (summary) => {
    picture.audit = summary;
    tell(picture);
  });
  setHandler(pause, async (how) => {
    hands.want({ paused: true, ...(how?.deep && { deep: true }) });
    if (how?.deep) await stopWarmingUp(picture);
  });
  setHandler(resume, () => {
    if (picture.overBudget !== undefined) letGoOn(picture);
    picture.unsaved = undefined;
    hands.want({ paused: false, deep: false });
  });
  const accept = (next: Wish): void => {
    todo = next;
    isHeld = false;
    brokenOff = undefined;
    picture.asked = true;
  };
  setHandler(retry, (leave) => {
    if (!isHeld) return;
    const wanted: Wish = todo ?? { pipeline: picture.pipeline, heals: true };
    accept({ ...wanted, leave: leave ?? wanted.leave });
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
        const report = await surveyed(next);
        const refused = refusal(report, next.leave);
        if (refused) throw ApplicationFailure.nonRetryable(refused, 'Refused');
        picture.rolledBack = undefined;
        if (changesAnything(picture, next, report.stages)) accept(next);
        return report;
      } finally {
        answering = false;
      }
    },
    {
      validator: (next) => {
        const { name } = next.pipeline;
        const isClimbing = climb !== undefined || picture.state === 'rolling back';
        if (ending || isClimbing) throw new Error(`pipeline ${name} is ${picture.state}; try again once that is done`);
        const isApplying = answering || (todo !== undefined && !isHeld);
        if (isApplying) throw new Error(`another spec is being applied to pipeline ${name}; try again once that is done`);
        mustFit(next.pipeline, picture.pipeline);
      },
    },
  );
  const takenDown = async (keepData: boolean): Promise<Leftovers> => {
    picture.halfDown = true;
    const before = picture.state;
    rename(picture, 'taking down');
    climb?.cancel();
    look?.cancel();
    await condition(() => !isWorking && !hands.areBusy());
    try {
      // One that failed later has let all through already: its streams may be gone.
      const unsaved = keepData ? (picture.unsaved ?? (await hands.letAllThrough())) : undefined;
      picture.unsaved = unsaved;
      gone = await endEverything({ pipeline: picture.pipeline, keepData, unsaved });
      rename(picture, 'gone');
      return gone;
    } catch (error) {
      // It stays, half taken down, for another try.
      ending = undefined;
      isHeld = true;
      rename(picture, before === 'paused' ? before : 'held', `taking it down failed: ${rootMessage(error)}`);
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
        if (ending && ending.keepData !== keepData) throw new Error(alreadyEnding(picture.pipeline, ending.keepData));
      },
    },
  );

  /** Brings up or changes what `wanted` asks for; when that fails, holds, or takes away again what it made. */
  const carryOut = async (wanted: Wish): Promise<void> => {
    const before = picture.pipeline;
    rename(picture, picture.readyAt === undefined ? 'starting' : 'applying');
    Object.assign(picture, { halfDown: undefined, unsaved: undefined, heals: wanted.heals });
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
      if (rollback) await CancellationScope.nonCancellable(() => rollBack(wanted, picture.stood ?? before, reason));
      else hold(wanted, isCancelled ? `${reason}; what was made so far stays` : reason);
      // Broken off on purpose, it is for the user to take up again.
      if (isCancelled && !rollback) todo ??= wanted;
      if (isCancelled && CancellationScope.current().consideredCancelled) throw error;
    } finally {
      picture.heals = undefined;
    }
  };
  const climbTo = async (wanted: Wish): Promise<void> => {
    const own = new CancellationScope();
    climb = own;
    const watching = watchBudget(picture, hands, () => climb !== own).catch(unlessCancelled);
    try {
      await own.run(() => bringUp(wanted, picture, hands));
    } finally {
      climb = undefined;
    }
    await watching;
    picture.stood = wanted.pipeline;
    picture.made = [];
    picture.adopted = {};
    picture.readyAt ??= Date.now();
    addUp(picture);
    rename(picture, picture.paused ? 'paused' : 'running', picture.overBudget);
  };
  /** A wish that was accepted meanwhile is carried out all the same. */
  const hold = (wanted: Wish, reason: string): void => {
    if (todo !== undefined && todo !== wanted) return;
    isHeld = true;
    rename(picture, 'held', reason);
  };
  /** Takes away what the failed wish made; a pipeline that stood before goes back to that. */
  const rollBack = async (wanted: Wish, before: Pipeline, reason: string): Promise<void> => {
    rename(picture, 'rolling back', reason);
    const stood = picture.readyAt !== undefined;
    try {
      const isLeaky = stood && !picture.hushed && CARRIERS.some((stage) => picture.made.includes(stage));
      if (isLeaky) await hands.letDataThrough();
      await takeAwayMade({ pipeline: picture.pipeline, made: picture.made, adopted: picture.adopted, andWorkflows: !stood });
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
    picture.rolledBack = reason;
  };
  const heal = async (): Promise<boolean> => {
    brokenOff = undefined;
    await carryOut({ pipeline: picture.pipeline, heals: true });
    return picture.state !== 'held';
  };
  const lookAround = async (every: ReturnType<typeof lookEvery>): Promise<void> => {
    const { readyAt, lookedAt = readyAt } = picture;
    const isDue = lookedAt !== undefined && Date.now() - lookedAt >= every.drift - every.cost / 2;
    // While a wish is held, some of what stands is by it and some by the spec before: that is for the user to decide.
    const mayHeal = picture.pipeline.drift === 'heal' && todo === undefined;
    try {
      await keepWithinBudget(picture, hands);
      if (!isDue || picture.halfDown) return;
      if (todo !== undefined) {
        picture.lookedAt = Date.now();
        if (picture.stood) await lookForWorkflows(picture, hands, picture.stood);
      } else await lookForDrift(picture, hands, () => ending !== undefined || todo !== undefined, mayHeal ? heal : undefined);
    } catch (error) {
      if (ending) return;
      if (isCancellation(error)) throw error;
      picture.lookedAt = Date.now();
      rename(picture, picture.state, `the look at drift and cost failed: ${rootMessage(error)}`);
    }
  };

  const isSettled = () => !ending && picture.state !== 'rolling back';
  const steering = hands.steer(() => gone !== undefined, isSettled).catch(unlessCancelled);
  const isCrowded = () => workflowInfo().historyLength > HISTORY_EVENTS;
  const isIdle = () => !ending && !answering && (todo === undefined || isHeld) && hands.areStill();
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
  tell(picture);
  while (gone === undefined) {
    if (todo && !isHeld && !ending) await working(carryOut(todo));
    picture.asked = undefined;
    const every = lookEvery(picture.pipeline);
    const isNews = await condition(isCalled, Math.min(every.drift, every.cost), { summary: 'until the next look at drift and cost' });
    if (!isNews && !ending) {
      look = new CancellationScope();
      await working(look.run(() => lookAround(every)));
      look = undefined;
    }
    if (isCrowded() && isIdle()) {
      await condition(allHandlersFinished);
      if (isIdle()) await turnOver(todo ?? { pipeline: picture.pipeline }, picture, todo !== undefined);
    }
  }
  await condition(allHandlersFinished);
  await steering;
  return gone;
}

/** The next run of the same pipeline, which starts with the memo of the first unless told. */
const turnOver = (wish: Wish, picture: PipelineStatus, asked: boolean): Promise<never> =>
  makeContinueAsNewFunc<typeof operate>({ memo: picture.memo })(wish, picture, asked);
