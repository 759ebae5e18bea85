import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { Difference } from '../activities/resource.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { HOLDS_DATA, type Plan, type Stage } from '../pipeline/stages.ts';
import { QUICK } from './activity-options.ts';
import { drainOrphans } from './drain.ts';
import type { Leftovers } from './messages.ts';
import { removeStages } from './provision.ts';

const act = proxyActivities<Activities>({ ...QUICK, summary: 'takes the pipeline down' });

/** What is to be taken away. */
export interface Removal {
  pipeline: Pipeline;
  /** The stages to take away: an input, so that a take-down under way keeps its plan when a later version has other stages. */
  plan: Plan;
  /** True when the plan leaves out what holds data. */
  keepData?: boolean;
  /** In words: what was found not to be in the lake. Left out, what an earlier life of the pipeline has left behind is let through first. */
  unsaved?: string[];
}

/** Ends what runs, takes the stages away, and looks what is left. A child of the pipeline's workflow, or started by the client when that no longer runs. */
export async function tearDown({ pipeline, plan, keepData = false, unsaved }: Removal): Promise<Leftovers> {
  await act['schedules.remove'](pipeline);
  const lacking = unsaved ?? (keepData ? await drainOrphans(pipeline) : []);
  await act['workflows.end'](pipeline);
  const failed = await removeStages({ pipeline, plan });
  const left = await act['inventory.left'](pipeline, keepData ? HOLDS_DATA : [], failed);
  return lacking.length === 0 ? left : { ...left, unsaved: lacking };
}

/** What a request that failed has made and taken over. */
export interface Created {
  pipeline: Pipeline;
  /** The stages that it made. */
  plan: Plan;
  /** What it met otherwise of those that it took over. */
  adopted: Partial<Record<Stage, Difference[]>>;
  /** True when the schedules and workflows are its own, too. */
  withWorkflows: boolean;
}

/** Gives back what a request took over, and takes away what it made. Returns, in words, what of the first is not as it was, and why what of the second still stands. */
export async function removeCreated({ pipeline, plan, adopted, withWorkflows }: Created): Promise<{ stays: string[]; failed: string[] }> {
  if (withWorkflows) {
    await act['schedules.remove'](pipeline);
    await act['workflows.end'](pipeline);
  }
  const stays: string[] = [];
  for (const [stage, met] of Object.entries(adopted) as [Stage, Difference[]][])
    stays.push(...((await act[`${stage}.release`](pipeline, met)).stays ?? []));
  return { stays, failed: Object.values(await removeStages({ pipeline, plan })) };
}
