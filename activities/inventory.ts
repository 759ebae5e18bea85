import { OWNER_TAG } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import type { Leftovers } from '../workflows/messages.ts';
import type { Found, Resource } from './resource.ts';

/** Looks for what is left of a pipeline. */
export function inventory(resources: Record<Stage, Resource<Found>>) {
  return {
    /** The labels of all things that still exist and are the pipeline's. */
    'inventory.left': async (pipeline: Pipeline): Promise<Leftovers> => {
      const looked = await Promise.all(
        Object.values(resources).map(async (resource) => {
          const found = await resource.find(pipeline);
          return found && (found.tags === undefined || found.tags[OWNER_TAG] === pipeline.name) ? [resource.label(pipeline)] : [];
        }),
      );
      return { left: looked.flat() };
    },
  };
}
