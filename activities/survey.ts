import { ApplicationFailure } from '@temporalio/common';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import { type Calls, counted } from './calls.ts';
import { type Found, type Leave, type Resource, type Survey, survey } from './resource.ts';

/** A name that is taken by somebody whose thing we may not even look at is foreign too. */
async function seen(resource: Resource<Found>, pipeline: Pipeline, leave?: Leave): Promise<Survey> {
  try {
    return await survey(resource, pipeline, leave);
  } catch (error) {
    if (!(error instanceof ApplicationFailure) || error.type !== 'ForeignResource') throw error;
    return { label: resource.label(pipeline), arn: resource.arn?.(pipeline), action: 'foreign', differences: [] };
  }
}

/** Looks how everything stands. */
export function surveying(resources: Record<Stage, Resource<Found>>) {
  return {
    /** How every stage stands to the spec, all looked at at once; changes nothing. */
    'stages.survey': async (pipeline: Pipeline, leave?: Leave): Promise<{ stages: Record<Stage, Survey> } & Calls> => {
      const { value, ...calls } = await counted(() =>
        Promise.all(Object.entries(resources).map(async ([stage, resource]) => [stage, await seen(resource, pipeline, leave)] as const)),
      );
      return { stages: Object.fromEntries(value) as Record<Stage, Survey>, ...calls };
    },
  };
}
