import type { Pipeline } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import type { Leftover, Leftovers } from '../workflows/messages.ts';
import type { Clients } from './aws.ts';
import { carryingTag } from './owned.ts';
import { type Found, isOurs, type Resource } from './resource.ts';

/** Looks for what is left of a pipeline. */
export function inventory(clients: Clients, resources: Record<Stage, Resource<Found>>) {
  return {
    /** Everything that still exists and is the pipeline's, but for the stages kept on purpose: by the name of each stage, and whatever else carries its tag. */
    'inventory.left': async (pipeline: Pipeline, kept: Stage[] = []): Promise<Leftovers> => {
      const stages = Object.entries(resources) as [Stage, Resource<Found>][];
      const named = await Promise.all(
        stages.map(async ([stage, resource]): Promise<Leftover[]> => {
          const found = await resource.find(pipeline);
          if (!isOurs(found, pipeline) || kept.includes(stage)) return [];
          const why = `AWS still has it, ${resource.status(found!)}`;
          return [{ label: resource.label(pipeline), arn: resource.arn?.(pipeline), why }];
        }),
      );
      const known = stages.map(([, resource]) => resource.arn?.(pipeline));
      const tagged = (await carryingTag(clients, pipeline)).filter((arn) => !known.includes(arn));
      return {
        left: [...named.flat(), ...tagged.map((arn) => ({ label: arn, arn, why: "it carries the pipeline's tag, and no stage names it" }))],
      };
    },
  };
}
