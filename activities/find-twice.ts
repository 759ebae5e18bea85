import type { Pipeline } from '../pipeline/spec.ts';
import type { Found, Resource } from './resource.ts';

/** What AWS does not show, or not with its tags, counts as absent once it was looked for twice: its reads are only eventually consistent. */
export const findTwice = async <Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline): Promise<Thing | undefined> =>
  (await resource.find(pipeline)) ?? resource.find(pipeline);
