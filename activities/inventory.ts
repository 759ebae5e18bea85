import { OWNER_TAG } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { STAGES, type Stage } from '../pipeline/stages.ts';
import { BY_USE } from '../pipeline/standing-cost.ts';
import type { Leftover, Leftovers } from '../workflows/messages.ts';
import type { Clients } from './aws.ts';
import { crawlerLog } from './glue/crawler-log.ts';
import { findTwice, isOurs, ownerOf } from './own-tags.ts';
import { carryingTag, isVain } from './owned.ts';
import type { Found, Resource } from './resource.ts';

/** Why stages would not go, in AWS's words. */
export type Failures = Partial<Record<Stage, string>>;

/** Looks for what is left of a pipeline. */
export function inventoryActivities(clients: Clients, resources: Record<Stage, Resource<Found>>) {
  return {
    /**
     * Everything that still exists, but for the stages kept on purpose: under the name of each stage, whoever it belongs to, the crawler's log, and whatever else in
     * the account carries the pipeline's tag. Each with why it is left (`failures` are the stages that would not go) and what it costs.
     */
    'inventory.left': async (pipeline: Pipeline, kept: Stage[] = [], failures: Failures = {}): Promise<Leftovers> => {
      const stages = (Object.entries(resources) as [Stage, Resource<Found>][]).filter(([stage]) => !kept.includes(stage));
      const because = (stage: Stage): string | undefined => {
        const needing = (Object.keys(failures) as Stage[]).find((failed) => needs(failed, stage));
        return failures[stage] ?? (needing && `it was not removed, since ${resources[needing].label(pipeline)} needs it and would not go`);
      };
      const known = Object.values(resources).flatMap((resource) => resource.arn?.(pipeline) ?? []);
      const [named, { found: tagged, unseen }] = await Promise.all([
        Promise.all(stages.map(([stage, resource]) => leftOf(resource, pipeline, because(stage)))),
        carryingTag(clients, pipeline, known),
      ]);
      const left = named.flat();
      // While a crawler of the name stands, the log is its own.
      const isCrawlerLeft = left.some(({ label }) => label === resources.crawler.label(pipeline));
      const logged = isCrawlerLeft ? [] : await logOfCrawler(clients, pipeline);
      return { left: [...left, ...logged, ...tagged], ...(unseen.length > 0 && { unseen }) };
    },
  };
}

/** What stands under the name of a stage. */
async function leftOf(resource: Resource<Found>, pipeline: Pipeline, because?: string): Promise<Leftover[]> {
  const thing = { label: resource.label(pipeline), arn: resource.arn?.(pipeline) };
  return orUnseen(thing, async () => {
    const found = await findTwice(resource, pipeline);
    if (found === undefined) return [];
    const why = isOurs(found, pipeline) ? (because ?? `AWS still has it, ${resource.status(found)}`) : whose(found, pipeline);
    return [{ ...thing, why, costs: (await resource.costs?.(found, pipeline)) ?? BY_USE }];
  });
}

/** What Glue logged of a crawler that somebody else deleted, or later than ours went. */
function logOfCrawler(clients: Clients, pipeline: Pipeline): Promise<Leftover[]> {
  const log = crawlerLog(clients);
  const thing = { label: log.label(pipeline), arn: log.arn(pipeline) };
  const why = 'Glue wrote it for a crawler that is gone; delete it by hand';
  return orUnseen(thing, async () => ((await log.exists(pipeline)) ? [{ ...thing, why, costs: BY_USE }] : []));
}

/** What a look finds; that it is not permitted, or in vain, is told like a thing that is left. */
async function orUnseen(thing: { label: string; arn?: string }, look: () => Promise<Leftover[]>): Promise<Leftover[]> {
  try {
    return await look();
  } catch (error) {
    if (!isVain(error) && !isForeign(error)) throw error;
    return [{ ...thing, why: `whether it is there could not be looked at: ${(error as Error).name}: ${(error as Error).message}` }];
  }
}

/** Why a thing of our name was left alone. */
function whose(found: Found, { name }: Pipeline): string {
  const owner = ownerOf(found);
  const tagged = found.tags === undefined ? 'what holds it' : 'it';
  if (owner !== undefined) return `${tagged} belongs to pipeline '${owner}', so it was left alone`;
  return `${tagged} does not carry the tag ${OWNER_TAG}, so it was left alone; if it is this pipeline's all the same, give it that tag, value '${name}', and say npx d2d down again`;
}

/** True when one stage needs another, over however many between. */
const needs = (stage: Stage, needed: Stage): boolean =>
  STAGES[stage].needs.some((need) => need === needed || (need !== 'tables' && needs(need, needed)));

const isForeign = (error: unknown) => (error as { type?: string }).type === 'ForeignResource';
