import { condition, log, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { addUp, asSent, runningOf } from './budget.ts';
import { rootMessage } from './failure.ts';
import type { Hands } from './hands.ts';
import type { PipelineStatus } from './messages.ts';
import { rename } from './picture.ts';
import { lookEvery } from './watch.ts';

const act = proxyActivities<Activities>({
  startToCloseTimeout: '2 minutes',
  scheduleToCloseTimeout: '10 minutes',
  heartbeatTimeout: '5 seconds',
});

/** Nothing more can be stopped while it is paused, which may be for days. */
const SELDOM = 12;

/** Adds up what the pipeline costs; one that is over its budget is paused deeply. */
export async function keepWithinBudget(picture: PipelineStatus, hands: Hands): Promise<void> {
  addUp(picture);
  if (picture.overBudget !== undefined) return;
  const over = await excess(picture);
  if (over === undefined) return;
  picture.overBudget = over;
  hands.want({ paused: true, deep: true });
  // What is on its way up is not renamed when it is told to pause.
  if (picture.state === 'starting' || picture.state === 'applying') rename(picture, picture.state, over);
  if (isWarmingUp(picture)) await stopApplication(picture);
}

/**
 * Why the pipeline is over its budget; undefined while it is not, and for the rest of a day on which the user let it go on. An activity says so, for what a workflow
 * did must not change with the prices.
 */
async function excess(picture: PipelineStatus): Promise<string | undefined> {
  const { spent } = picture;
  const pipeline = asSent(picture);
  const isWaived = spent.waived !== undefined && spent.waived === pipeline.maxDailyCost;
  const allowed = isWaived ? { ...pipeline, maxDailyCost: undefined } : pipeline;
  if (allowed.maxDailyCost === undefined && allowed.maxHourlyCost === undefined) return undefined;
  return act['budget.excess'].executeWithOptions({ summary: 'is it over its budget' }, [allowed, spent.dollars, runningOf(picture)]);
}

/** Before there is a generator, only the application costs anything that can be stopped. */
const isWarmingUp = ({ generating, studioRuns }: PipelineStatus) => !generating && studioRuns;

/** A deep pause that comes before there is anybody to tell stops the application all the same. */
export async function stopWarmingUp(picture: PipelineStatus): Promise<void> {
  if (!isWarmingUp(picture)) return;
  await stopApplication(picture).catch((error) => log.warn(`the application did not stop: ${rootMessage(error)}`));
}

/** The user lets a pipeline that is over its budget go on: over that of the day for the rest of it, unless that becomes another. */
export function letGoOn(picture: PipelineStatus): void {
  const { maxDailyCost } = picture.pipeline;
  if (maxDailyCost !== undefined && picture.spent.dollars > maxDailyCost) picture.spent.waived = maxDailyCost;
  if (picture.reason === picture.overBudget) rename(picture, picture.state);
  picture.overBudget = undefined;
}

/** A long way up costs, too: looks at that now and then until it is over, and seldom while it is paused. */
export async function watchBudget(picture: PipelineStatus, hands: Hands, isOver: () => boolean): Promise<void> {
  for (;;) {
    const { paused } = picture;
    const isNews = () => isOver() || picture.paused !== paused;
    const every = lookEvery(picture.pipeline).cost * (paused ? SELDOM : 1);
    if ((await condition(isNews, every, { summary: 'until the next look at cost' })) && isOver()) return;
    await keepWithinBudget(picture, hands).catch((error) => log.warn(`the look at cost failed: ${rootMessage(error)}`));
  }
}

async function stopApplication(picture: PipelineStatus): Promise<void> {
  await act['notebook.stop'](picture.pipeline);
  picture.studioRuns = false;
}
