import { ApplicationFailure, setHandler } from '@temporalio/workflow';
import { stopWarmingUp, waiveBudget } from './allowance.ts';
import { addUp } from './budget.ts';
import { setDesired } from './children.ts';
import {
  type ApplyRequest,
  alreadyEnding,
  applicationRuns,
  apply,
  auditFinished,
  breakOff,
  type PlanReport,
  pause,
  rateChanged,
  resume,
  stageMoved,
  statusQuery,
  teardown,
  windowsClosed,
} from './messages.ts';
import { accept, interruptBringUp, type Operation, requestTakeDown } from './operation.ts';
import { changesAnything, mustFit, plan } from './plan.ts';
import { refusal } from './refusal.ts';
import { publishDetails } from './status.ts';

/** Sets the handler of every message that a pipeline's workflow takes. */
export function listen(op: Operation): void {
  setHandler(statusQuery, () => op.status);
  listenToUser(op);
  listenToWorkflows(op);
}

function listenToUser(op: Operation): void {
  const { status } = op;
  setHandler(apply, (request) => answer(op, request), { validator: (request) => mayApply(op, request) });
  setHandler(breakOff, (how) => interruptBringUp(op, how));
  setHandler(pause, async (how) => {
    setDesired(status, { paused: true, ...(how?.deep && { deep: true }) });
    if (how?.deep) await stopWarmingUp(status);
  });
  setHandler(resume, () => {
    if (status.overBudget !== undefined) waiveBudget(status);
    status.unsaved = undefined;
    setDesired(status, { paused: false, deep: false });
  });
  setHandler(teardown, ({ keepData }) => requestTakeDown(op, keepData), {
    validator: ({ keepData }) => {
      if (op.takeDown && op.takeDown.keepData !== keepData) throw new Error(alreadyEnding(status.pipeline, op.takeDown.keepData));
    },
  });
}

function mayApply({ status, isSurveying, bringUpScope, takeDown }: Operation, { pipeline }: ApplyRequest): void {
  const { name } = pipeline;
  const isBusy = takeDown !== undefined || bringUpScope !== undefined || status.state === 'rolling back';
  if (isBusy) throw new Error(`pipeline ${name} is ${status.state}; try again once that is done`);
  if (isSurveying || status.pending) throw new Error(`another spec is being applied to pipeline ${name}; try again once that is done`);
  mustFit(pipeline, status.pipeline);
}

/** Refuses a request, or answers it with the plan; it is accepted where that changes anything. */
async function answer(op: Operation, request: ApplyRequest): Promise<PlanReport> {
  op.isSurveying = true;
  try {
    const report = await plan(request);
    const refused = refusal(report, request.consent);
    if (refused) throw ApplicationFailure.nonRetryable(refused, 'Refused');
    op.status.rolledBack = undefined;
    const isBusy = op.bringUpScope !== undefined || op.takeDown !== undefined;
    const isNews = changesAnything(op.status, request, report.stages);
    if (isNews) accept(op, request);
    return { ...report, isSettled: !isNews && !isBusy };
  } finally {
    op.isSurveying = false;
  }
}

/** To the provisioning, the generator, the notebook's keeper and the audit. */
function listenToWorkflows({ status }: Operation): void {
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
}
