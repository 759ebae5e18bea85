import { awsError, type Service } from './aws.ts';
import { fraction } from './profile.ts';

/**
 * What goes wrong with a call. `throttle`, `unavailable`, `error`, `role`: refused, in the service's words, before it takes effect. `cut`: the connection breaks
 * before it does; `lostAnswer`: after it did. `timeout`: never answered, no effect. `latency`: answered so many milliseconds later. `partial`: of a batch, a
 * share of the entries fails.
 */
export type Fault =
  | { kind: 'throttle' | 'unavailable' | 'role' | 'cut' | 'lostAnswer' | 'timeout' }
  | { kind: 'error'; name: string; message?: string }
  | { kind: 'latency'; milliseconds: number }
  | { kind: 'partial'; share: number };

/** Which calls a fault befalls: of a service (its SDK name, as `firehose`) and an operation, `*` for any; not the first `after`, then `times` of them or all, or a share. */
export interface Rule {
  service?: string;
  operation?: string;
  after?: number;
  times?: number;
  /** 0 to 1, by the plan's seed. */
  share?: number;
  fault: Fault;
}

/** A fault plan: the first rule that fits a call decides. */
export interface FaultPlan {
  seed?: number;
  rules: Rule[];
}

/** The faults of a running local AWS. */
export interface Faults {
  /** Replaces the plan; throws a plain line on what is not one. */
  put(plan: unknown): void;
  /** How many calls each rule has met, and how often it struck. */
  counts(): { rule: Rule; met: number; struck: number }[];
  /** What befalls this call. */
  strike(service: string, operation: string): Fault | undefined;
}

const KINDS: Fault['kind'][] = ['throttle', 'unavailable', 'role', 'cut', 'lostAnswer', 'timeout', 'error', 'latency', 'partial'];

/** The faults of one local AWS; none until a plan is put. */
export function faults(first?: FaultPlan): Faults {
  let seed = 1;
  let rules: { rule: Rule; met: number; struck: number }[] = [];
  const put = (plan: unknown) => {
    const checked = checkedPlan(plan);
    seed = checked.seed ?? 1;
    rules = checked.rules.map((rule) => ({ rule, met: 0, struck: 0 }));
  };
  if (first) put(first);
  return {
    put,
    counts: () => rules.map((each) => ({ ...each })),
    strike: (service, operation) => {
      for (const [i, each] of rules.entries()) {
        const { rule } = each;
        if (!fits(rule.service, service) || !fits(rule.operation, operation)) continue;
        each.met++;
        if (each.met <= (rule.after ?? 0) || each.struck >= (rule.times ?? Number.POSITIVE_INFINITY)) continue;
        if (rule.share !== undefined && fraction(`${seed}/${i}/${each.met}`) >= rule.share) continue;
        each.struck++;
        return rule.fault;
      }
      return undefined;
    },
  };
}

const fits = (wanted: string | undefined, is: string) => wanted === undefined || wanted === '*' || wanted === is;

function checkedPlan(plan: unknown): FaultPlan {
  const { rules, seed } = (plan ?? {}) as Partial<FaultPlan>;
  if (!Array.isArray(rules)) throw new Error('a fault plan is {"rules": [{"service", "operation", "fault": {"kind"}}]}: rules is no list');
  for (const [i, rule] of rules.entries()) {
    const wrong = (field: string, must: string) => new Error(`rules[${i}].${field} ${must}`);
    const unknown = Object.keys(rule ?? {}).find((key) => !['service', 'operation', 'after', 'times', 'share', 'fault'].includes(key));
    if (unknown !== undefined) throw wrong(unknown, 'is not a known field');
    if (!KINDS.includes(rule?.fault?.kind)) throw wrong('fault.kind', `must be one of ${KINDS.join(', ')}`);
    for (const field of ['after', 'times'] as const)
      if (rule[field] !== undefined && !(Number.isInteger(rule[field]) && rule[field] >= 0)) throw wrong(field, 'must be a whole number');
    if (rule.share !== undefined && !(rule.share >= 0 && rule.share <= 1)) throw wrong('share', 'must be from 0 to 1');
    const { fault } = rule;
    if (fault.kind === 'error' && typeof fault.name !== 'string') throw wrong('fault.name', "must be the error's name");
    if (fault.kind === 'latency' && !(fault.milliseconds >= 0)) throw wrong('fault.milliseconds', 'must be a number');
    if (fault.kind === 'partial' && !(fault.share >= 0 && fault.share <= 1)) throw wrong('fault.share', 'must be from 0 to 1');
  }
  return { seed, rules };
}

/** The error by which a call is refused; undefined for faults that refuse nothing. */
export function refusalOf(fault: Fault, service: Service): Error | undefined {
  if (fault.kind === 'throttle') return awsError(THROTTLED[service.name] ?? 'ThrottlingException', 'Rate exceeded');
  if (fault.kind === 'unavailable')
    return awsError(service.name === 's3' ? 'InternalError' : 'InternalFailure', 'We encountered an internal error. Please try again.');
  if (fault.kind === 'error') return awsError(fault.name, fault.message ?? `${fault.name}, by the fault plan`);
  if (fault.kind === 'role')
    return awsError(...(REFUSED[service.name] ?? (['AccessDeniedException', 'The role is not authorized to perform this.'] as const)));
  return undefined;
}

/** What each service says when it is asked too often. */
const THROTTLED: Record<string, string> = {
  kinesis: 'LimitExceededException',
  athena: 'TooManyRequestsException',
  s3: 'SlowDown',
  iam: 'Throttling',
  sts: 'Throttling',
};

/** What each says of a role that it cannot take. */
const REFUSED: Record<string, [string, string]> = {
  firehose: ['InvalidArgumentException', 'Firehose is unable to assume role. Please check the role provided.'],
  glue: ['InvalidInputException', "Service is unable to assume provided role. Please verify the role's TrustPolicy"],
  kinesisanalytics: ['InvalidArgumentException', "Kinesis Analytics service doesn't have sufficient privileges to assume the role"],
  quicksight: ['AccessDeniedException', 'Failed to assume your role. Verify the trust relationships of the role in the IAM console.'],
};

/** Splits a batch: the entries that fail are taken out of the input, and their places filled in the answer. Undefined for operations without batches. */
export function partialOf(operation: string, input: Record<string, unknown>, share: number) {
  const batch = BATCHES[operation];
  const entries = batch && (input[batch.entries] as unknown[] | undefined);
  if (!batch || !entries) return undefined;
  const fails = entries.map((_, i) => fraction(`${operation}/${entries.length}/${i}`) < share);
  return {
    input: { ...input, [batch.entries]: entries.filter((_, i) => !fails[i]) },
    isEmpty: fails.every(Boolean),
    answer: (output: Record<string, unknown> | undefined) => {
      const succeeded = [...((output?.[batch.results] as unknown[] | undefined) ?? [])];
      const results = fails.map((failed) => (failed ? batch.failed : succeeded.shift()));
      return { ...output, [batch.results]: results, [batch.count]: fails.filter(Boolean).length + Number(output?.[batch.count] ?? 0) };
    },
  };
}

interface Batch {
  entries: string;
  results: string;
  count: string;
  failed: object;
}

const BATCHES: Record<string, Batch> = {
  PutRecords: {
    entries: 'Records',
    results: 'Records',
    count: 'FailedRecordCount',
    failed: { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: 'Rate exceeded for shard, by the fault plan' },
  },
};
