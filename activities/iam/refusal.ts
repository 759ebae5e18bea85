import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { ROLE_POLICY, type Service } from './policies.ts';

/** What AWS said: the name of its error, its words, and the operation that was answered so. */
export interface Said {
  name?: string;
  message: string;
  operation?: string;
}

/** What any of AWS's services may say when it is asked too much, or has trouble of its own. */
const PASSING = /Throttl|TooManyRequests|LimitExceeded|SlowDown|RateExceeded|Unavailable|Internal|Timeout|Busy|InUse|Conflict|Concurrent/i;
const DENIED = /AccessDenied|NotAuthorized|Unauthorized|Forbidden/i;
const DENYING = /\brole\b|assume|authorized|privilege|permission|access was denied|access denied/i;
const ACTION = /\b(?!aws:)[a-z][a-z0-9-]*:[A-Z][A-Za-z]+\b/;

const REFUSED_USER = /User: (arn:[\w-]+:(?:iam|sts)::(\d{12}):\S+) is not authorized/;
/** Roles of the account in which AWS's services act by themselves. */
const SERVICE_ROLE = /^(AWSServiceRoleFor|aws-quicksight-)/;
const ACTING_ROLE = /:assumed-role\/([^/]+)|:role\/(?:\S*\/)?([^/]+)$/;

/** True when AWS refuses something for want of a permission. The pipeline's own name in its words counts for nothing. */
export function isRefusal({ name = '', message }: Said, pipeline: Pipeline): boolean {
  if (PASSING.test(name)) return false;
  const words = [pipeline.name, pipeline.name.replaceAll('-', '_')].reduce((text, own) => text.replaceAll(own, ''), message);
  return DENIED.test(name) || DENYING.test(words);
}

/** The ARN of whom AWS refuses, if that is somebody of the account who is none of the pipeline's roles: the caller then, who lacks a permission that no role's policy gives. */
function refusedCaller({ message }: Said, pipeline: Pipeline): string | undefined {
  const [, arn, account] = REFUSED_USER.exec(message) ?? [];
  // AWS's services have accounts of their own.
  if (arn === undefined || account !== pipeline.account) return undefined;
  const [, assumed, role = assumed] = ACTING_ROLE.exec(arn) ?? [];
  const isServices = SERVICE_ROLE.test(role ?? '') || Object.values<string | undefined>(names(pipeline).roles).includes(role);
  return isServices ? undefined : arn;
}

/** Which action a refused caller lacks, and whose policy has to allow it; in brackets, to stand behind AWS's words. Undefined where the caller was not refused. */
export function deniedAdvice(said: Said, pipeline: Pipeline): string | undefined {
  const caller = refusedCaller(said, pipeline);
  if (caller === undefined) return undefined;
  const action = ACTION.exec(said.message)?.[0] ?? said.operation ?? 'what was asked';
  return `(the worker calls as ${caller}: action ${action}, which its own policies have to allow, not a role's; IAM shows them at ${caller.split(':').at(-1)})`;
}

/** Which role was refused which action, and the policy that has to allow it; in brackets, to stand behind AWS's words; the caller's, if it was the caller. Undefined for what is no refusal. */
export function roleAdvice(said: Said, pipeline: Pipeline, service: Service): string | undefined {
  const denied = deniedAdvice(said, pipeline);
  if (denied !== undefined) return denied;
  if (!isRefusal(said, pipeline)) return undefined;
  const role = names(pipeline).roles[service];
  const shown = 'npx d2d plan --policies shows them';
  const action = ACTION.exec(said.message)?.[0] ?? (/assume|trust/i.test(said.message) ? 'sts:AssumeRole' : undefined);
  if (action === 'sts:AssumeRole')
    return `(role ${role}: action sts:AssumeRole, which its trust policy has to allow to the service; ${shown})`;
  const what = action === undefined ? `what ${said.operation ?? 'the service'} needs` : `action ${action}`;
  return `(role ${role}: ${what}, which its policy '${ROLE_POLICY}' has to allow; ${shown})`;
}

/** What was found, with `message` of AWS in it; and behind it the role, if that message is a refusal. */
export function advised(found: string, message: string, pipeline: Pipeline, service: Service): string {
  const advice = roleAdvice({ message }, pipeline, service);
  return advice === undefined ? found : `${found} ${advice}`;
}
