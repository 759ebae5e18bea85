import { asyncLocalStorage, Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { names, OWNER_TAG } from '../pipeline/names.ts';
import { type Pipeline, speedOf } from '../pipeline/spec.ts';
import { nextLook, type Seen } from '../pipeline/waiting.ts';
import { type Calls, counted } from './calls.ts';
import { FINAL, isNamed } from './errors.ts';
import { ROLE_POLICY, type Service } from './iam/policies.ts';

/** Where a resource stands on its way to being usable, or (`leaving`) gone. */
export type Status = 'pending' | 'ready' | 'broken' | 'leaving';

/** What `find` brings back: the service's own description, with the tags if the thing can carry any (undefined: owned through its parent). */
export interface Found {
  tags?: Record<string, string>;
}

/** One field that is not as the spec wants it; values as AWS words them. `replace`: the service cannot change it, the thing has to be made anew. */
export interface Difference {
  field: string;
  is: unknown;
  wanted: unknown;
  replace?: true;
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
  /** Puts these tags on it, besides those it has; left out where the thing carries none. */
  tag?(pipeline: Pipeline, found: Thing, tags: Record<string, string>): Promise<void>;
  status(found: Thing): Status;
  /** AWS's own words on why it is broken. */
  reason?(found: Thing): string | undefined;
  /** Starts the removal; a thing that must be stopped or emptied first is. "Not found" is success. */
  remove(pipeline: Pipeline, found: Thing): Promise<void>;
}

/** What an `ensure` may do besides: take over a thing that carries no owner's tag, make anew what cannot be changed. */
export interface Leave {
  adopt?: boolean;
  replace?: boolean;
}

/** What `ensure` would do: `foreign` and `replace` want the user's leave, `wait` is a thing on its way. */
export type Action = 'none' | 'create' | 'change' | 'replace' | 'adopt' | 'foreign' | 'wait';

/** How one resource stands to its spec. */
export interface Survey {
  label: string;
  arn?: string;
  action: Action;
  differences: Difference[];
}

/** What `ensure` did. */
export type Outcome = 'created' | 'changed' | 'adopted' | 'unchanged';

/** The steps that Temporal runs, derived from the functions of a resource. */
export interface Steps {
  /** Finds, creates if missing, else changes what differs. Fails for good on a thing that belongs to somebody else, or must be made anew without leave. */
  ensure(pipeline: Pipeline, leave?: Leave): Promise<{ outcome: Outcome } & Calls>;
  /** Returns once usable; "not yet" is a benign failure that says when to look again, by the waits `seen` before. */
  ready(pipeline: Pipeline, seen?: Seen): Promise<void>;
  /** Starts the removal of what is ours; quiet when nothing is there. */
  remove(pipeline: Pipeline): Promise<void>;
  /** Returns once AWS has no such thing; a thing of somebody else counts as gone. */
  gone(pipeline: Pipeline, seen?: Seen): Promise<void>;
}

/** Says which role a resource's service acts in, if that role or its policy was made so lately that a refusal may only mean "not yet everywhere". */
export type YoungRole = (pipeline: Pipeline, service: Service) => Promise<string | undefined>;

/** Derives the steps of one resource. */
export function steps<Thing extends Found>(resource: Resource<Thing>, youngRole: YoungRole): Steps {
  const said = <Value>(verb: string, pipeline: Pipeline, work: () => Promise<Value>): Promise<Value> =>
    worded(`${verb} ${resource.label(pipeline)}`, work).catch((error) => unlessYoung(error, pipeline));
  const unlessYoung = async (error: ApplicationFailure, pipeline: Pipeline): Promise<never> => {
    if (resource.role === undefined || error.type === 'NotYet' || OWN_FAILURES.includes(error.type ?? '')) throw error;
    const role = await youngRole(pipeline, resource.role);
    if (error.type === 'BrokenResource')
      throw role === undefined ? error : ApplicationFailure.nonRetryable(error.message, 'BrokenWhileRoleSpreads');
    if (role !== undefined) throw notYet(`role ${role} is new and may not have spread yet: ${error.message}`, 'RoleNotSpread');
    if (!isRefusal(error)) throw error;
    const name = names(pipeline).roles[resource.role];
    throw ApplicationFailure.nonRetryable(
      `${error.message} (role ${name}, its trust policy and its policy '${ROLE_POLICY}', as npx d2d plan --policies shows them)`,
      'RoleRefused',
    );
  };
  return {
    ensure: async (pipeline, leave) => {
      const { value, ...calls } = await counted(() => said('ensuring', pipeline, () => ensure(resource, pipeline, leave)));
      return { outcome: value, ...calls };
    },
    ready: (pipeline, seen) => said('waiting for', pipeline, () => ready(resource, pipeline, seen)),
    remove: (pipeline) => said('removing', pipeline, () => remove(resource, pipeline)),
    gone: (pipeline, seen) => said('waiting for the end of', pipeline, () => gone(resource, pipeline, seen)),
  };
}

/** How a resource stands to its spec; reads only. */
export async function survey<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline, leave: Leave = {}): Promise<Survey> {
  return (await compared(resource, pipeline, leave)).survey;
}

async function compared<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline, { adopt }: Leave) {
  const found = await resource.find(pipeline);
  const as = (action: Action, differences: Difference[] = []) => ({
    found,
    survey: { label: resource.label(pipeline), arn: resource.arn?.(pipeline), action, differences },
  });
  if (found === undefined) return as('create');
  const mayAdopt = adopt && found.tags?.[OWNER_TAG] === undefined;
  if (!isOurs(found, pipeline) && !mayAdopt) return as('foreign', tagDifferences(found, pipeline));
  const status = resource.status(found);
  // What moves cannot be changed yet, and might not be what the spec wants.
  if (status === 'leaving' || status === 'pending') return as('wait');
  const differences = [...(await resource.differences(pipeline, found)), ...tagDifferences(found, pipeline)];
  if (differences.some(({ replace }) => replace)) return as('replace', differences);
  if (!isOurs(found, pipeline)) return as('adopt', differences);
  return as(differences.length > 0 ? 'change' : 'none', differences);
}

async function ensure<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline, leave: Leave = {}): Promise<Outcome> {
  const {
    found,
    survey: { label, arn, action, differences },
  } = await compared(resource, pipeline, leave);
  if (action === 'none') return 'unchanged';
  if (action === 'create') {
    await resource.create(pipeline);
    return 'created';
  }
  if (action === 'wait') throw notYet(`${label} is not settled yet`);
  if (action === 'foreign') {
    const owner = found!.tags?.[OWNER_TAG];
    const whose = owner === undefined ? 'was not made by data2dashboard' : `belongs to pipeline '${owner}'`;
    const choice = owner === undefined ? 'take it over with --adopt, or choose another name for the pipeline' : 'choose another name';
    throw ApplicationFailure.nonRetryable(`${label} exists and ${whose}${arn ? ` (${arn})` : ''}; ${choice}`, 'ForeignResource');
  }
  if (action === 'replace') {
    if (!leave.replace) {
      const fields = differences.flatMap(({ field, replace }) => (replace ? [field] : []));
      throw ApplicationFailure.nonRetryable(
        `${label} has to be made anew to change ${fields.join(', ')}, and what it holds would be lost; to agree, give --replace`,
        'ReplacementNeeded',
      );
    }
    await resource.remove(pipeline, found!);
    throw notYet(`${label} is being made anew`);
  }
  const tags = differences.filter(({ field }) => field.startsWith(TAG));
  const others = differences.filter(({ field }) => !field.startsWith(TAG));
  if (tags.length > 0) await resource.tag!(pipeline, found!, names(pipeline).tags);
  if (others.length > 0) await resource.change(pipeline, found!, others);
  return action === 'adopt' ? 'adopted' : 'changed';
}

const TAG = 'Tags.';

/** Only the tags that we set; what others added is theirs. */
function tagDifferences({ tags }: Found, pipeline: Pipeline): Difference[] {
  if (tags === undefined) return [];
  return Object.entries(names(pipeline).tags).flatMap(([key, wanted]) =>
    tags[key] === wanted ? [] : [{ field: `${TAG}${key}`, is: tags[key], wanted }],
  );
}

async function ready<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline, seen?: Seen): Promise<void> {
  const found = await (resource.look ?? resource.find)(pipeline);
  if (found === undefined) throw notYet(`${resource.label(pipeline)} is not visible yet`, 'NotYet', lookAgain(pipeline, seen));
  const status = resource.status(found);
  if (status === 'broken') throw ApplicationFailure.nonRetryable(resource.reason?.(found) ?? 'AWS reports it as failed', 'BrokenResource');
  if (status !== 'ready') throw notYet(`${resource.label(pipeline)} is not ready yet`, 'NotYet', lookAgain(pipeline, seen));
}

async function remove<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline): Promise<void> {
  const found = await resource.find(pipeline);
  if (found !== undefined && isOurs(found, pipeline)) await push(resource, pipeline, found);
}

/** Another push towards the end, unless AWS is at it already. */
async function push<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline, found: Thing): Promise<void> {
  if (resource.status(found) !== 'leaving') await resource.remove(pipeline, found);
}

async function gone<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline, seen?: Seen): Promise<void> {
  const found = await resource.find(pipeline);
  if (found === undefined || !isOurs(found, pipeline)) return;
  // What is only half removed (an application still stopping, a bucket that filled again) gets the next push here.
  await push(resource, pipeline, found);
  if ((await resource.find(pipeline)) !== undefined)
    throw notYet(`${resource.label(pipeline)} is still there`, 'NotYet', lookAgain(pipeline, seen));
}

/** A failure that only means "look again", after `delay` milliseconds if given: kept out of error logs and metrics by its category. */
export const notYet = (message: string, type = 'NotYet', delay?: number): ApplicationFailure =>
  ApplicationFailure.create({ message, type, category: ApplicationFailureCategory.BENIGN, nextRetryDelay: delay });

/** Milliseconds until the next look of the activity that we are in; undefined outside of one. */
function lookAgain(pipeline: Pipeline, seen: Seen | undefined): number | undefined {
  if (!asyncLocalStorage.getStore()) return undefined;
  const { scheduledTimestampMs, attempt } = Context.current().info;
  return nextLook(Date.now() - scheduledTimestampMs, attempt, seen, speedOf(pipeline));
}

/** Runs a creation; if the service says that the thing exists by now, somebody was quicker, and the caller is to look again. */
export async function unlessLost<Made>(creation: Promise<Made>, ...exists: string[]): Promise<Made> {
  try {
    return await creation;
  } catch (error) {
    if (isNamed(error, ...exists)) throw notYet((error as Error).message);
    throw error;
  }
}

/** True for what carries our owner's tag, or none at all because it is owned through its parent. */
export function isOurs(found: Found | undefined, pipeline: Pipeline): boolean {
  if (found === undefined) return false;
  return found.tags === undefined || found.tags[OWNER_TAG] === names(pipeline).tags[OWNER_TAG];
}

const OWN_FAILURES = ['ForeignResource', 'ReplacementNeeded'];

const isRefusal = ({ type, message }: ApplicationFailure) =>
  /AccessDenied|NotAuthorized|Forbidden/i.test(type ?? '') ||
  /\brole\b|assume|authorized|privilege|permission|access was denied/i.test(message);

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
