import { patched } from '@temporalio/workflow';
import type { Difference, Survey } from '../activities/resource.ts';
import { milliseconds } from '../pipeline/duration.ts';
import { type Pipeline, speedOf } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import { CARRIERS, doesCarry, doRowCarriersStand, ensureSchedules, recordRowCarriers } from './bring-up.ts';
import { holdEvents, releaseEvents, remakeRows, startMissing } from './children.ts';
import { recordDrifts, scheduleDrifts, workflowDrifts } from './drifts.ts';
import type { Drift, PipelineStatus, PlanReport } from './messages.ts';
import { plan } from './plan.ts';

/** How often the cost is added up, of AWS's time. */
const BUDGET_MS = 300_000;
const UNSETTLED: Difference = { field: 'status', is: 'on its way in or out', wanted: 'settled' };

/** Milliseconds between looks at drift, and at cost. */
export const lookEvery = (pipeline: Pipeline) => ({
  drift: milliseconds(pipeline.schedules.drift) / speedOf(pipeline),
  cost: BUDGET_MS / speedOf(pipeline),
});

/**
 * Looks for what somebody changed behind the pipeline's back. `heal` brings it back, and is left out where that is only to be reported; it says whether it
 * succeeded. What is reported once is not reported again while it stays the same. Workflows and schedules of ours that are gone are always started anew.
 */
export async function lookForDrift(status: PipelineStatus, isOver: () => boolean, heal?: () => Promise<boolean>): Promise<void> {
  const { pipeline } = status;
  const stages = await survey(status, pipeline);
  if (isOver()) return;
  if (status.state !== 'held') status.reason = status.overBudget;
  const found = (Object.keys(stages) as Stage[]).filter((stage) => hasDrifted(stage, stages[stage]));
  for (const stage of Object.keys(stages) as Stage[])
    if (status.stages[stage] === 'drifted' && stages[stage].action === 'none') status.stages[stage] = 'ready';
  for (const stage of found) status.stages[stage] = 'drifted';
  const isHealed = heal !== undefined && (found.length > 0 || status.state === 'held') ? await heal() : undefined;
  if (isOver()) return;
  const done = isHealed === undefined ? 'reported' : isHealed ? 'healed' : 'failed';
  recordDrifts(
    status,
    found.map((stage) => driftOf(stages[stage], done)),
  );
  if (status.readyAt === undefined || isHealed === false) return;
  await healWorkflows(status, pipeline);
  if (doRowCarriersStand(stages)) await remakeRows(status, pipeline);
  recordDrifts(status, scheduleDrifts(await ensureSchedules(status)));
}

/**
 * The same while a request is held, which is the user's to go on with: what stood and does not any more is reported. Without a carrier of the data nothing is sent until
 * that goes on. Workflows that are gone are started anew, by the spec that last stood whole.
 */
export async function lookWhileHeld(status: PipelineStatus, isOver: () => boolean): Promise<void> {
  const [stood, drifted] = ['ready', 'drifted'].map((state) =>
    (Object.keys(status.stages) as Stage[]).filter((stage) => status.stages[stage] === state),
  ) as [Stage[], Stage[]];
  const stages = await survey(status, status.pipeline);
  if (isOver()) return;
  const differs = (stage: Stage) => stages[stage] !== undefined && hasDrifted(stage, stages[stage]);
  for (const stage of drifted) if (stages[stage]?.action === 'none') status.stages[stage] = 'ready';
  const found = [...stood, ...drifted].filter(differs);
  for (const stage of found) status.stages[stage] = 'drifted';
  recordDrifts(
    status,
    found.map((stage) => driftOf(stages[stage], 'reported')),
  );
  const isNew = stood.some((stage) => CARRIERS.includes(stage) && differs(stage));
  await holdWithoutCarriers(status, stages, isNew);
  await healWorkflows(status, status.lastApplied ?? status.pipeline);
}

/** Has nothing sent while a carrier of the data does not carry it; once all do again, it goes on. `isNew`: one differs that was as wanted at the look before. */
async function holdWithoutCarriers(status: PipelineStatus, stages: PlanReport['stages'], isNew: boolean): Promise<void> {
  if (!patched('carriers-back')) {
    if (isNew) await holdEvents(status);
    return;
  }
  const doCarry = CARRIERS.every((stage) => doesCarry(stages[stage]));
  if (!doCarry && !status.eventsHeld) await holdEvents(status);
  if (doCarry && status.eventsHeld) await releaseEvents(status);
}

async function survey(status: PipelineStatus, pipeline: Pipeline): Promise<PlanReport['stages']> {
  const began = Date.now();
  const { stages } = await plan({ pipeline });
  status.lookedAt = Date.now();
  status.lookFault = undefined;
  recordRowCarriers(status, doRowCarriersStand(stages), began);
  return stages;
}

/** Characters of a value that a drift tells of: many of them are carried from turn to turn. */
const LONGEST = 500;

const driftOf = ({ label, differences, action }: Survey, done: Drift['done']): Drift => ({
  label,
  differences:
    action === 'wait' ? [UNSETTLED] : differences.map((each) => ({ ...each, is: shortened(each.is), wanted: shortened(each.wanted) })),
  missing: action === 'create',
  at: Date.now(),
  done,
});

function shortened(value: unknown): unknown {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.length <= LONGEST ? value : `${text.slice(0, LONGEST)}… (${text.length} characters)`;
}

/** What moves will settle by itself; but what is sent while somebody deletes a carrier of the data never reaches the lake. */
const hasDrifted = (stage: Stage, { action }: Survey): boolean => (action === 'wait' ? CARRIERS.includes(stage) : action !== 'none');

/** Starts the generator and the notebook where somebody has ended them. */
export async function healWorkflows(status: PipelineStatus, pipeline: Pipeline): Promise<void> {
  recordDrifts(status, workflowDrifts(await startMissing(status, pipeline)));
}
