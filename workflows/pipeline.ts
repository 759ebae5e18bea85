import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { dayOf, overBudget, perHour, type Running } from '../pipeline/cost.ts';
import { milliseconds, type Pipeline, speedOf } from '../pipeline/spec.ts';
import { bringUp, refusal, surveyed } from './bring-up.ts';
import { rootMessage } from './failure.ts';
import { handsOn } from './hands.ts';
import {
  apply,
  breakOff,
  type Drift,
  type PipelineStatus,
  pause,
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

const HISTORY_EVENTS = 1_500;
const DRIFTS_KEPT = 20;
const HOUR_MS = 3_600_000;

/**
 * One pipeline's life: it brings everything up in the order of the data, watches over it, changes it as asked, and takes it down. `picture` comes from an
 * earlier run of the same pipeline, `asked` is a wish that this run had not carried out.
 */
export async function operate(
  wish: Wish,
  picture: PipelineStatus = born(wish.pipeline),
  asked = picture.readyAt === undefined,
): Promise<void> {
  let todo: Wish | undefined = asked ? wish : undefined;
  let isHeld = picture.state === 'held';
  let ending = false;
  let answering = false;
  let brokenOff: { rollback: boolean } | undefined;
  let climb: CancellationScope | undefined;
  const hands = handsOn(picture);

  setHandler(status, () => picture);
  setHandler(stageMoved, (stage, state, fault) => {
    picture.stages[stage] = state;
    if (fault === undefined) delete picture.faults[stage];
    else picture.faults[stage] = fault;
    tell(picture);
  });
  setHandler(windowsClosed, () => {
    picture.closed = true;
  });
  setHandler(pause, (how) => hands.want({ paused: true, deep: how?.deep ?? false }));
  setHandler(resume, () => hands.want({ paused: false, deep: false }));
  setHandler(retry, (leave) => {
    if (todo && isHeld) todo = { ...todo, leave: leave ?? todo.leave };
    isHeld = false;
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
        if (changesAnything(picture, next, report.stages)) {
          todo = next;
          isHeld = false;
          if (picture.readyAt !== undefined) picture.made = [];
        }
        return report;
      } finally {
        answering = false;
      }
    },
    {
      validator: (next) => {
        const busy = ending || answering || (todo !== undefined && !isHeld);
        if (busy) throw new Error(`pipeline ${next.pipeline.name} is ${picture.state}; try again once that is done`);
        const fixed = (['name', 'target', 'region', 'account'] as const).filter((key) => next.pipeline[key] !== picture.pipeline[key]);
        if (fixed.length > 0)
          throw new Error(`${fixed.join(', ')} cannot change; take the pipeline down first, or name the new one otherwise`);
      },
    },
  );
  setHandler(
    teardown,
    async ({ keepData }) => {
      ending = true;
      rename(picture, 'taking down');
      climb?.cancel();
      await condition(() => climb === undefined);
      const leftovers = await endEverything({ pipeline: picture.pipeline, keepData });
      rename(picture, 'gone');
      return leftovers;
    },
    {
      validator: (_how: { keepData: boolean }) => {
        if (ending) throw new Error(`pipeline ${picture.pipeline.name} is already being taken down`);
      },
    },
  );

  /** Brings up or changes what `wanted` asks for; when that fails, holds, or takes away again what it made. */
  const carryOut = async (wanted: Wish): Promise<void> => {
    const before = picture.pipeline;
    rename(picture, picture.readyAt === undefined ? 'starting' : 'applying');
    brokenOff = undefined;
    try {
      climb = new CancellationScope();
      await climb.run(() => bringUp(wanted, picture, hands));
      todo = undefined;
      picture.readyAt ??= Date.now();
      rename(picture, picture.paused ? 'paused' : 'running');
    } catch (error) {
      if (ending) return;
      const isCancelled = isCancellation(error);
      const asked = brokenOff as { rollback: boolean } | undefined; // set by the signal's handler meanwhile
      const reason = isCancelled ? 'it was broken off' : rootMessage(error);
      const asIfNothing = asked?.rollback ?? wanted.rollback ?? false;
      if (asIfNothing) await CancellationScope.nonCancellable(() => rollBack(before, reason));
      else rename(picture, 'held', isCancelled ? `${reason}; what was made so far stays` : reason);
      isHeld = !asIfNothing;
      if (isCancelled && asked === undefined) throw error;
    } finally {
      climb = undefined;
    }
  };
  const rollBack = async (before: Pipeline, reason: string): Promise<void> => {
    rename(picture, 'rolling back', reason);
    const stood = picture.readyAt !== undefined;
    await takeAwayMade({ pipeline: picture.pipeline, made: picture.made, andWorkflows: !stood });
    if (!stood) throw ApplicationFailure.nonRetryable(`rolled back, since ${reason}`, 'RolledBack');
    picture.pipeline = before;
    todo = { pipeline: before };
  };
  /** Looks for what somebody changed behind the pipeline's back, heals it if so told, and keeps within the budget. */
  const watch = async (): Promise<void> => {
    const { pipeline } = picture;
    const over = spend(picture);
    if (over && !picture.deep) {
      hands.want({ paused: true, deep: true });
      picture.reason = over;
    }
    const report = await surveyed({ pipeline });
    picture.lookedAt = Date.now();
    const found = Object.entries(report.stages).filter(([, { action }]) => action !== 'none' && action !== 'wait');
    if (found.length === 0 && picture.state !== 'held') return;
    for (const [stage] of found) picture.stages[stage as keyof typeof picture.stages] = 'drifted';
    const heals = pipeline.drift === 'heal';
    if (heals) await carryOut({ pipeline });
    const done = heals ? (picture.state === 'held' ? 'failed' : 'healed') : 'reported';
    const drifts = found.map(([, { label, differences, action }]): Drift => {
      return { label, differences, missing: action === 'create', at: Date.now(), done };
    });
    picture.drifts = [...picture.drifts, ...drifts].slice(-DRIFTS_KEPT);
    tell(picture);
  };

  const steering = hands.steer(() => ending);
  const isCrowded = () => workflowInfo().historyLength > HISTORY_EVENTS;
  tell(picture);
  while (!ending) {
    if (todo && !isHeld) await carryOut(todo);
    const isUp = picture.readyAt !== undefined;
    const every = milliseconds(picture.pipeline.schedules.drift) / speedOf(picture.pipeline);
    const isCalled = () => ending || (todo !== undefined && !isHeld) || (isCrowded() && !answering && hands.areStill());
    const called = await (isUp
      ? condition(isCalled, every, { summary: 'until the next look for drift' })
      : condition(isCalled).then(() => true));
    if (!called) await watch();
    if (!ending && isCrowded() && (todo === undefined || isHeld) && hands.areStill()) {
      await condition(allHandlersFinished);
      if (!ending) await continueAsNew<typeof operate>(todo ?? { pipeline: picture.pipeline }, picture, todo !== undefined);
    }
  }
  await condition(allHandlersFinished);
  await steering;
}

/** True if carrying out `next` would do anything: a stage is not as wanted, or the spec itself is another. */
function changesAnything(picture: PipelineStatus, next: Wish, stages: Record<string, { action: string }>): boolean {
  const isOther = JSON.stringify(next.pipeline) !== JSON.stringify(picture.pipeline);
  return isOther || picture.readyAt === undefined || Object.values(stages).some(({ action }) => action !== 'none');
}

/** Adds what the pipeline has cost since the last look; returns why it is over its budget, if it is. */
function spend(picture: PipelineStatus): string | undefined {
  const { pipeline, paused, deep, spent, lookedAt, readyAt } = picture;
  const running: Running = { generating: !paused, studio: !deep, schedules: !paused };
  const day = dayOf(Date.now());
  const hours = (Date.now() - (lookedAt ?? readyAt ?? Date.now())) / HOUR_MS;
  picture.spent = { day, dollars: (day === spent.day ? spent.dollars : 0) + hours * perHour(pipeline, running) };
  return overBudget(pipeline, picture.spent.dollars, running);
}
