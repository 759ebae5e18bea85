import { condition, log, patched, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { QUICK } from './activity-options.ts';
import { addUp, asSent, runningOf } from './budget.ts';
import { setDesired } from './children.ts';
import { rootMessage } from './failure.ts';
import type { PipelineStatus } from './messages.ts';
import { setState } from './status.ts';
import { lookEvery } from './watch.ts';

const act = proxyActivities<Activities>(QUICK);

/** How much more seldom cost is looked at while the pipeline is paused, which may be for days: nothing more can be stopped then. */
const PAUSED_FACTOR = 12;

/** Adds up what the pipeline costs; one that is over its budget is paused deeply. */
export async function keepWithinBudget(status: PipelineStatus): Promise<void> {
  addUp(status);
  if (status.overBudget !== undefined) return;
  const over = await excess(status);
  if (over === undefined) return;
  status.overBudget = over;
  setDesired(status, { paused: true, deep: true });
  // What is on its way up is not renamed when it is told to pause.
  if (status.state === 'starting' || status.state === 'applying') setState(status, status.state, over);
  if (isWarmingUp(status)) await stopApplication(status);
}

/**
 * Why the pipeline is over its budget; undefined while it is not, and for the rest of a day on which the user let it go on. An activity says so, for what a workflow
 * did must not change with the prices.
 */
async function excess(status: PipelineStatus): Promise<string | undefined> {
  const { spent } = status;
  const pipeline = asSent(status);
  const isWaived = spent.waived !== undefined && spent.waived === pipeline.maxDailyCost;
  const allowed = isWaived ? { ...pipeline, maxDailyCost: undefined } : pipeline;
  if (!hasBudget(allowed)) return undefined;
  return act['budget.excess'].executeWithOptions({ summary: 'is it over its budget' }, [allowed, spent.dollars, runningOf(status)]);
}

const hasBudget = ({ maxDailyCost, maxHourlyCost }: Pipeline): boolean => maxDailyCost !== undefined || maxHourlyCost !== undefined;

/** Before there is a generator, only the application costs anything that can be stopped. */
const isWarmingUp = ({ generating, studioRuns }: PipelineStatus) => !generating && studioRuns;

/** A deep pause that comes before there is anybody to tell stops the application all the same. */
export async function stopWarmingUp(status: PipelineStatus): Promise<void> {
  if (!isWarmingUp(status)) return;
  await stopApplication(status).catch((error) => log.warn(`the application did not stop: ${rootMessage(error)}`));
}

/** The user lets a pipeline that is over its budget go on: over that of the day for the rest of it, unless that becomes another. */
export function waiveBudget(status: PipelineStatus): void {
  const { maxDailyCost } = status.pipeline;
  if (maxDailyCost !== undefined && status.spent.dollars > maxDailyCost) status.spent.waived = maxDailyCost;
  if (status.reason === status.overBudget) setState(status, status.state);
  status.overBudget = undefined;
}

/** A long way up costs, too: looks at that now and then until it is over, seldom while it is paused, and not while nothing could come of it. */
export async function watchBudget(status: PipelineStatus, isOver: () => boolean): Promise<void> {
  for (;;) {
    const { paused, deep } = status;
    const isQuiet = paused && (deep || !hasBudget(status.pipeline)) && patched('paused-quietly');
    const isNoLongerQuiet = () => status.deep !== deep || (!deep && hasBudget(status.pipeline));
    const isNews = () => isOver() || status.paused !== paused || (isQuiet && isNoLongerQuiet());
    const every = lookEvery(status.pipeline).cost * (paused ? PAUSED_FACTOR : 1);
    if (isQuiet) await condition(isNews);
    else await condition(isNews, every, { summary: 'until the next look at cost' });
    if (isOver()) return;
    await keepWithinBudget(status).catch((error) => log.warn(`the look at cost failed: ${rootMessage(error)}`));
  }
}

async function stopApplication(status: PipelineStatus): Promise<void> {
  await act['notebook.stop'].executeWithOptions({ summary: 'the application, by the budget' }, [status.pipeline]);
  status.studioRuns = false;
}
