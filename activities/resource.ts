import { ApplicationFailure } from '@temporalio/common';
import { foreignAdvice } from '../pipeline/foreign.ts';
import { type Pipeline, speedOf } from '../pipeline/spec.ts';
import type { Standing } from '../pipeline/standing-cost.ts';
import type { Seen } from '../pipeline/waiting.ts';
import { type Calls, callsIn, countCalls, doneSoFar, operationOf } from './calls.ts';
import { FINAL, isNamed } from './errors.ts';
import type { Service } from './iam/policies.ts';
import { deniedAdvice, roleAdvice } from './iam/refusal.ts';
import { notYet, underWay } from './not-yet.ts';
import { findTwice, findWithOwner, giveBack, isOfTags, isOurs, ownerOf, retag, tagDifferences } from './own-tags.ts';

/** Where a resource stands on its way to being usable, or (`leaving`) gone. */
export type Status = 'pending' | 'ready' | 'broken' | 'leaving';

/** What `find` brings back: the service's own description, with its tags; what can carry none is owned through its parent, whose tags then stand in their place. */
export interface Found {
  tags?: Record<string, string>;
  parentTags?: Record<string, string>;
}

/**
 * One field that is not as the spec wants it; values as AWS words them, undefined for what is not there, or is to go. `replace`: the service cannot change it, the
 * thing has to be made anew, and what it holds is lost. `anew`: it does not work, and nothing is lost by making it anew.
 */
export interface Difference {
  field: string;
  is: unknown;
  wanted: unknown;
  replace?: true;
  anew?: true;
}

/** One AWS thing in a few functions, each safe to run twice. */
export interface Resource<Thing extends Found = Found> {
  /** What AWS calls it, with its name: 'Kinesis stream data2dashboard'. */
  label(pipeline: Pipeline): string;
  /** Its ARN; left out where AWS has none. */
  arn?(pipeline: Pipeline): string;
  /** The role that the service takes for it: a refusal soon after that role was made is waited out. */
  role?: Service;
  /** Undefined when AWS has no such thing. */
  find(pipeline: Pipeline): Promise<Thing | undefined>;
  /** As `find`, but by a single call and without tags: for waiting. Left out where `find` is one call, or nothing is waited for. */
  look?(pipeline: Pipeline): Promise<Thing | undefined>;
  /** Losing a race for the name is no error but `unlessLost`: ensure looks again, whose the thing is included. */
  create(pipeline: Pipeline): Promise<void>;
  /** Every field that the spec sets and AWS reports otherwise, tags apart; a broken state that `change` can mend is one too. Reads only. */
  differences(pipeline: Pipeline, found: Thing): Promise<Difference[]> | Difference[];
  /** Makes these differences go away; what needs several steps with waiting between them does the next one and throws `notYet`. */
  change(pipeline: Pipeline, found: Thing, differences: Difference[]): Promise<void>;
  /** Does the next step towards what creation itself cannot set, once the thing is ready; true while AWS is at it. Left out where creation sets everything. */
  complete?(pipeline: Pipeline, found: Thing): Promise<boolean>;
  /** Puts these tags on it, besides those it has; left out where the thing carries none. */
  tag?(pipeline: Pipeline, found: Thing, tags: Record<string, string>): Promise<void>;
  /** Takes the tags of these keys off it. */
  untag?(pipeline: Pipeline, found: Thing, keys: string[]): Promise<void>;
  status(found: Thing): Status;
  /** AWS's own words on why it is broken. */
  reason?(found: Thing): string | undefined;
  /** What it costs while it stands; left out where AWS bills only its use. */
  costs?(found: Thing, pipeline: Pipeline): Standing | Promise<Standing>;
  /** Takes out what must be gone before it can be removed, for a while; undefined when there is no such thing. Left out where nothing must. */
  empty?(pipeline: Pipeline): Promise<Emptied | undefined>;
  /** Starts the removal; a thing that must be stopped first is. "Not found" is success. */
  remove(pipeline: Pipeline, found: Thing): Promise<void>;
}

/** How many objects were deleted of what a thing holds, and whether that was all of them. */
export interface Emptied {
  deleted: number;
  isAll: boolean;
}

/** What an `ensure` may do besides: take over a thing that carries no owner's tag, make anew what cannot be changed. */
export interface Consent {
  adopt?: boolean;
  replace?: boolean;
}

/** What `ensure` would do: `foreign` and `replace` want the user's consent, `wait` is a thing on its way. */
export type Action = 'none' | 'create' | 'change' | 'replace' | 'adopt' | 'foreign' | 'wait';

/** How one resource stands to its spec. `owner`, `hidden`: whose a foreign one is. `removes`: what of it would be taken away. */
export interface Survey {
  label: string;
  arn?: string;
  action: Action;
  differences: Difference[];
  owner?: string;
  hidden?: true;
  removes?: string[];
  /** Something of that name stands now, and goes: what stands in the end is made by this run. */
  anew?: true;
}

/** What `ensure` did, over all attempts. */
export type Outcome = 'created' | 'changed' | 'adopted' | 'replaced' | 'unchanged';

/** The steps that Temporal runs, derived from the functions of a resource. */
export interface Steps {
  /** Finds, creates if missing, else changes what differs. Fails for good on a thing that belongs to somebody else, or must be made anew without consent. */
  ensure(pipeline: Pipeline, consent?: Consent): Promise<{ outcome: Outcome } & Calls>;
  /** Returns once usable and complete; "not yet" is a benign failure that says when to look again, by the waits `seen` before. */
  ready(pipeline: Pipeline, seen?: Seen): Promise<Calls>;
  /**
   * Gives back what was taken over, `met` being the differences that its survey told of then: it is nobody's of ours again, and stays. `stays`: in words, what of it is
   * not as it was.
   */
  release(pipeline: Pipeline, met?: Difference[]): Promise<Calls & { stays?: string[] }>;
  /** Starts the removal of what is ours; quiet when nothing is there. `emptying`: it deleted so many objects, and others have to go before the removal can begin. */
  remove(pipeline: Pipeline): Promise<Calls & { emptying?: number }>;
  /** Returns once AWS has no such thing; a thing of somebody else counts as gone. */
  gone(pipeline: Pipeline, seen?: Seen): Promise<Calls>;
}

/** Says which role a resource's service acts in, if that role or its policy was made so lately that a refusal may only mean "not yet everywhere". */
export type YoungRole = (pipeline: Pipeline, service: Service) => Promise<string | undefined>;

/** Derives the steps of one resource. */
export function steps<Thing extends Found>(resource: Resource<Thing>, youngRole: YoungRole): Steps {
  const said = <Value>(verb: string, pipeline: Pipeline, work: () => Promise<Value>): Promise<Value> =>
    worded(`${verb} ${resource.label(pipeline)}`, work).catch((error) => unlessYoung(error, pipeline));
  const unlessYoung = async (error: ApplicationFailure, pipeline: Pipeline): Promise<never> => {
    if (error.type === 'NotYet' || OWN_FAILURES.includes(error.type ?? '')) throw error;
    const isBroken = error.type === 'BrokenResource';
    // AWS's own words alone, for ours hold names that may say anything.
    const cause = isBroken ? error : error.cause;
    const said = cause && { name: cause.name, message: cause.message, operation: operationOf(cause) };
    const denied = said && deniedAdvice(said, pipeline);
    // No time mends what the caller may not do, however new the role is.
    if (denied !== undefined) throw ApplicationFailure.nonRetryable(`${error.message} ${denied}`, isBroken ? error.type : 'CallerRefused');
    if (resource.role === undefined) throw error;
    const role = await youngRole(pipeline, resource.role);
    if (role !== undefined && isBroken) throw ApplicationFailure.nonRetryable(error.message, 'BrokenWhileRoleSpreads');
    if (role !== undefined) throw notYet(`role ${role} is new and may not have spread yet: ${error.message}`, 'RoleNotSpread');
    const advice = said && roleAdvice(said, pipeline, resource.role);
    throw advice === undefined
      ? error
      : ApplicationFailure.nonRetryable(`${error.message} ${advice}`, isBroken ? error.type : 'RoleRefused');
  };
  return {
    ensure: async (pipeline, consent) => {
      const { value, ...calls } = await countCalls(() => said('ensuring', pipeline, () => ensure(resource, pipeline, consent)));
      return { outcome: value, ...calls };
    },
    ready: (pipeline, seen) => callsIn(() => said('waiting for', pipeline, () => ready(resource, pipeline, seen))),
    release: async (pipeline, met) => {
      const { value: stays, ...calls } = await countCalls(() => said('giving back', pipeline, () => giveBack(resource, pipeline, met)));
      return { ...calls, stays };
    },
    remove: async (pipeline) => {
      const { value: emptying, ...calls } = await countCalls(() => said('removing', pipeline, () => remove(resource, pipeline)));
      return { ...calls, emptying };
    },
    gone: (pipeline, seen) => callsIn(() => said('waiting for the end of', pipeline, () => gone(resource, pipeline, seen))),
  };
}

/** How a resource stands to its spec; reads only. */
export async function survey<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline, consent: Consent = {}): Promise<Survey> {
  return compared(resource, pipeline, consent, await findTwice(resource, pipeline));
}

async function compared<Thing extends Found>(
  resource: Resource<Thing>,
  pipeline: Pipeline,
  { adopt }: Consent,
  found: Thing | undefined,
): Promise<Survey> {
  const label = resource.label(pipeline);
  const arn = resource.arn?.(pipeline);
  const as = (action: Action, differences: Difference[] = [], owner?: string): Survey => {
    const gone = action === 'foreign' ? [] : differences.filter(({ wanted }) => wanted === undefined);
    const removes = gone.map(({ field }) => `${field} of ${label}`);
    const goes = () => resource.status(found!) === 'leaving' || (action === 'replace' && !isOurs(found!, pipeline));
    const isAnew = found !== undefined && (goes() || differences.some(({ anew }) => anew));
    return { label, arn, action, differences, owner, removes, ...(isAnew && { anew: true }) };
  };
  if (found === undefined) return as('create');
  const owner = ownerOf(found);
  const mayAdopt = adopt && owner === undefined;
  if (!isOurs(found, pipeline) && !mayAdopt) return as('foreign', tagDifferences(found, pipeline), owner);
  const status = resource.status(found);
  // What moves cannot be changed yet, and might not be what the spec wants.
  if (status === 'leaving' || status === 'pending') return as('wait');
  const differences = [...(await resource.differences(pipeline, found)), ...tagDifferences(found, pipeline)];
  if (differences.some(({ replace }) => replace)) return as('replace', differences);
  if (!isOurs(found, pipeline)) return as('adopt', differences);
  return as(differences.length > 0 ? 'change' : 'none', differences);
}

async function ensure<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline, consent: Consent = {}): Promise<Outcome> {
  // Of a thing that did not show, its creation says that it is there.
  const found = await findWithOwner(resource, pipeline);
  const is = await compared(resource, pipeline, consent, found);
  const done = doneSoFar() as { outcome?: Outcome; created?: number };
  if (is.action === 'none') return done.outcome ?? 'unchanged';
  if (is.action === 'wait') throw notYet(`${is.label} is not settled yet`);
  const mayBeOurs = is.owner === undefined && (Date.now() - (done.created ?? 0)) * speedOf(pipeline) < TAGS_SHOW_MS;
  if (is.action === 'foreign' && mayBeOurs) throw notYet(`${is.label} does not show whose it is`);
  if (is.action === 'foreign') throw ApplicationFailure.nonRetryable(foreignAdvice(is), 'ForeignResource');
  if (is.action === 'replace' && !consent.replace) {
    const fields = is.differences.flatMap(({ field, replace }) => (replace ? [field] : []));
    throw ApplicationFailure.nonRetryable(
      `${is.label} has to be made anew to change ${fields.join(', ')}, and what it holds would be lost; to agree, give --replace`,
      'ReplacementNeeded',
    );
  }
  done.outcome ??= OUTCOMES[is.action];
  if (is.action === 'create') {
    done.created ??= Date.now();
    await resource.create(pipeline);
  } else if (is.action === 'replace') {
    await resource.remove(pipeline, found!);
    throw notYet(`${is.label} is being made anew`);
  } else {
    const others = is.differences.filter((each) => !isOfTags(each));
    await retag(resource, pipeline, found!, is.differences);
    if (others.length > 0) await resource.change(pipeline, found!, others);
  }
  return done.outcome;
}

/** In milliseconds of AWS's time: the tags of what an attempt before set out to create show within this, or somebody else was quicker. */
const TAGS_SHOW_MS = 120_000;

const OUTCOMES = { create: 'created', change: 'changed', adopt: 'adopted', replace: 'replaced' } as const;

async function ready<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline, seen?: Seen): Promise<void> {
  const found = await (resource.look ?? resource.find)(pipeline);
  if (found === undefined) throw underWay(pipeline, `${resource.label(pipeline)} is not visible yet`, seen);
  const status = resource.status(found);
  if (status === 'broken') throw ApplicationFailure.nonRetryable(resource.reason?.(found) ?? 'AWS reports it as failed', 'BrokenResource');
  if (status !== 'ready') throw underWay(pipeline, `${resource.label(pipeline)} is not ready yet`, seen);
  if (await resource.complete?.(pipeline, found)) throw underWay(pipeline, `${resource.label(pipeline)} is not complete yet`, seen);
}

async function remove<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline): Promise<number | undefined> {
  const found = await findTwice(resource, pipeline);
  return found !== undefined && isOurs(found, pipeline) ? push(resource, pipeline, found) : undefined;
}

/** Another push towards the end, unless AWS is at it already; gives how many objects it deleted if others are left. */
async function push<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline, found: Thing): Promise<number | undefined> {
  if (resource.status(found) === 'leaving') return undefined;
  const emptied = await resource.empty?.(pipeline);
  if (emptied && !emptied.isAll) return emptied.deleted;
  await resource.remove(pipeline, found);
  return undefined;
}

async function gone<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline, seen?: Seen): Promise<void> {
  const found = await findTwice(resource, pipeline);
  if (found === undefined || !isOurs(found, pipeline)) return;
  // What is only half removed (an application still stopping, a bucket that filled again) gets the next push here.
  await push(resource, pipeline, found);
  if ((await findTwice(resource, pipeline)) !== undefined) throw underWay(pipeline, `${resource.label(pipeline)} is still there`, seen);
}

const OWN_FAILURES = ['ForeignResource', 'ReplacementNeeded'];

/** Puts verb, kind and name before AWS's own words, and marks as final what asking again cannot mend. */
async function worded<Value>(doing: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
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
