import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { names, OWNER_TAG } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { FINAL, isNamed } from './errors.ts';

/** Where a resource stands on its way to being usable, or (`leaving`) gone. */
export type Status = 'pending' | 'ready' | 'broken' | 'leaving';

/** What `find` brings back: the service's own description, with the tags if the thing can carry any (undefined: owned through its parent). */
export interface Found {
  tags?: Record<string, string>;
}

/** One AWS thing in five functions, each safe to run twice. */
export interface Resource<Thing extends Found = Found> {
  /** What AWS calls it, with its name: 'Kinesis stream data2dashboard'. */
  label(pipeline: Pipeline): string;
  /** Undefined when AWS has no such thing. */
  find(pipeline: Pipeline): Promise<Thing | undefined>;
  /** Losing a race for the name is no error but `unlessLost`: ensure looks again, whose the thing is included. */
  create(pipeline: Pipeline): Promise<void>;
  /** Changes only what differs and says what that was; an empty list means that nothing was called. Also mends what is broken. */
  update?(pipeline: Pipeline, found: Thing): Promise<string[]>;
  status(found: Thing): Status;
  /** AWS's own words on why it is broken. */
  reason?(found: Thing): string | undefined;
  /** Starts the removal; a thing that must be stopped or emptied first is. "Not found" is success. */
  remove(pipeline: Pipeline, found: Thing): Promise<void>;
}

/** What `ensure` did. */
export type Outcome = 'created' | 'changed' | 'unchanged';

/** The steps that Temporal runs, derived from the five functions. */
export interface Steps {
  /** Finds, creates if missing, else changes what differs. Fails for good on a thing that belongs to somebody else. */
  ensure(pipeline: Pipeline): Promise<Outcome>;
  /** Returns once usable; "not yet" is a benign failure that the retry policy repeats. */
  ready(pipeline: Pipeline): Promise<void>;
  /** True if the thing exists and is ours. */
  exists(pipeline: Pipeline): Promise<boolean>;
  /** Starts the removal of what is ours; quiet when nothing is there. */
  remove(pipeline: Pipeline): Promise<void>;
  /** Returns once AWS has no such thing; a thing of somebody else counts as gone. */
  gone(pipeline: Pipeline): Promise<void>;
}

/** Derives the steps of one resource. */
export function steps<Thing extends Found>(resource: Resource<Thing>): Steps {
  const said = <Value>(verb: string, pipeline: Pipeline, work: Promise<Value>) => worded(`${verb} ${resource.label(pipeline)}`, work);
  return {
    ensure: (pipeline) => said('ensuring', pipeline, ensure(resource, pipeline)),
    ready: (pipeline) => said('waiting for', pipeline, ready(resource, pipeline)),
    exists: async (pipeline) => isOurs(await said('looking for', pipeline, resource.find(pipeline)), pipeline),
    remove: (pipeline) => said('removing', pipeline, remove(resource, pipeline)),
    gone: (pipeline) => said('waiting for the end of', pipeline, gone(resource, pipeline)),
  };
}

async function ensure<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline): Promise<Outcome> {
  const found = await resource.find(pipeline);
  if (found === undefined) {
    await resource.create(pipeline);
    return 'created';
  }
  if (!isOurs(found, pipeline)) {
    const owner = found.tags?.[OWNER_TAG];
    const whose = owner === undefined ? 'was not made by data2dashboard' : `belongs to pipeline '${owner}'`;
    throw ApplicationFailure.nonRetryable(
      `${resource.label(pipeline)} exists and ${whose}; choose another name for the pipeline`,
      'ForeignResource',
    );
  }
  const status = resource.status(found);
  if (status === 'leaving') throw notYet(`${resource.label(pipeline)} is still being deleted`);
  if (resource.update === undefined) return 'unchanged';
  // What moves cannot be changed yet, and might not be what the spec wants.
  if (status === 'pending') throw notYet(`${resource.label(pipeline)} is not settled yet`);
  const changed = await resource.update(pipeline, found);
  return changed.length > 0 ? 'changed' : 'unchanged';
}

async function ready<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline): Promise<void> {
  const found = await resource.find(pipeline);
  if (found === undefined) throw notYet(`${resource.label(pipeline)} is not visible yet`);
  const status = resource.status(found);
  if (status === 'broken') throw ApplicationFailure.nonRetryable(resource.reason?.(found) ?? 'AWS reports it as failed', 'BrokenResource');
  if (status !== 'ready') throw notYet(`${resource.label(pipeline)} is not ready yet`);
}

async function remove<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline): Promise<void> {
  const found = await resource.find(pipeline);
  if (found !== undefined && isOurs(found, pipeline)) await push(resource, pipeline, found);
}

/** Another push towards the end, unless AWS is at it already. */
async function push<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline, found: Thing): Promise<void> {
  if (resource.status(found) !== 'leaving') await resource.remove(pipeline, found);
}

async function gone<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline): Promise<void> {
  const found = await resource.find(pipeline);
  if (found === undefined || !isOurs(found, pipeline)) return;
  // What is only half removed (an application still stopping, a bucket that filled again) gets the next push here.
  await push(resource, pipeline, found);
  if ((await resource.find(pipeline)) !== undefined) throw notYet(`${resource.label(pipeline)} is still there`);
}

/** A failure that only means "look again": kept out of error logs and metrics by its category. */
export const notYet = (message: string): ApplicationFailure =>
  ApplicationFailure.create({ message, type: 'NotYet', category: ApplicationFailureCategory.BENIGN });

/** Runs a creation; if the service says that the thing exists by now, somebody was quicker, and the caller is to look again. */
export async function unlessLost<Made>(creation: Promise<Made>, ...exists: string[]): Promise<Made> {
  try {
    return await creation;
  } catch (error) {
    if (isNamed(error, ...exists)) throw notYet((error as Error).message);
    throw error;
  }
}

function isOurs(found: Found | undefined, pipeline: Pipeline): boolean {
  if (found === undefined) return false;
  return found.tags === undefined || found.tags[OWNER_TAG] === names(pipeline).tags[OWNER_TAG];
}

/** Puts verb, kind and name before AWS's own words, and marks as final what asking again cannot mend. */
async function worded<Value>(doing: string, work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ApplicationFailure) throw error;
    const { name, message } = error as Error;
    throw ApplicationFailure.create({
      message: `${doing}: ${name}: ${message}`,
      type: name,
      nonRetryable: isNamed(error, ...FINAL),
      cause: error as Error,
    });
  }
}
