import type { Aws } from './aws.ts';
import { PARTIAL, recordWith, TAMPERED } from './batches.ts';
import type { OpenCall } from './call-log.ts';
import type { Table } from './journal.ts';
import { fraction } from './profile.ts';

/**
 * What goes wrong with a call. `throttle`, `unavailable`, `error`, `role`: refused, in the service's words, before it takes effect. `cut`: the connection breaks
 * before it does; `lostAnswer`: after it did. `timeout`: never answered, no effect. `latency`: answered so many milliseconds later. `partial`: of a batch, a
 * share of the entries fails. `crash`: the local AWS is killed, right before the call takes effect or right after. `drop`, `double`, `alter`: of a batch of records, the
 * one that has this text in it is acknowledged, but not kept, or kept twice, or kept with another last digit.
 */
export type Fault =
  | { kind: 'throttle' | 'unavailable' | 'role' | 'cut' | 'lostAnswer' | 'timeout' }
  | { kind: 'error'; name: string; message?: string }
  | { kind: 'latency'; milliseconds: number }
  | { kind: 'partial'; share: number }
  | { kind: 'crash'; when: 'before' | 'after' }
  | { kind: 'drop' | 'double' | 'alter'; record: string };

/**
 * Which calls a fault befalls: of a service (its SDK name, as `firehose`) and an operation, `*` for any, by a caller and one of some apps as the call log names them;
 * not the first `after`, then `times` of them or all, or a share.
 */
export interface Rule {
  service?: string;
  operation?: string;
  caller?: string;
  /** As `['worker', 'client']`. */
  apps?: string[];
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
  /** How a role that has not spread yet is refused from now on. */
  roleWording?: Aws['roleWording'];
}

/** A fault that befalls a call, and how often its rule has struck by now. */
export interface Strike {
  fault: Fault;
  number: number;
}

/** A rule, how many calls it has met, and how often it struck. */
export interface Count {
  rule: Rule;
  met: number;
  struck: number;
}

/** What of a call a rule goes by. */
type Struck = Pick<OpenCall, 'service' | 'operation' | 'caller' | 'app' | 'input'>;

/** The faults of a running local AWS. */
export interface Faults {
  /** Replaces the plan; throws a plain line on what is not one. */
  put(plan: unknown): void;
  counts(): Count[];
  /** What befalls this call; of the given kind alone, if one is. */
  strike(call: Struck, kind?: Fault['kind']): Strike | undefined;
  roleWording(): Aws['roleWording'] | undefined;
}

/** What outlives the process, by these keys: the plan with the one that the process was started with, and the counts of the plan's rules by their place. */
type Kept = { given?: FaultPlan; plan: FaultPlan } | { met: number; struck: number };
const PLAN = 'plan';

/**
 * The faults of one local AWS, by the plan it is `given` at its start. A plan that was put later outlives the process with all counts, as one that is killed shall
 * not be spared; it ends when another is put, or when a start is given another one. A plan may only have crashes if the process is its own, `mayCrash`.
 */
export function faults(given?: FaultPlan, kept?: Table<Kept>, mayCrash = false): Faults {
  let plan: FaultPlan = { rules: [] };
  let counts: Count[] = [];
  const put = (next: FaultPlan) => {
    if (!mayCrash && crashes(next))
      throw new Error('a plan with a crash is for a local AWS in a process of its own, as npm run local starts it');
    plan = next;
    counts = plan.rules.map((rule) => ({ rule, met: 0, struck: 0 }));
    for (const key of kept?.keys() ?? []) kept?.delete(key);
    if (given || plan.rules.length > 0 || plan.roleWording) kept?.set(PLAN, { given, plan });
  };
  const before = kept?.get(PLAN) as Extract<Kept, { plan: unknown }> | undefined;
  if (before && JSON.stringify(before.given) === JSON.stringify(given) && (mayCrash || !crashes(before.plan))) {
    plan = before.plan;
    counts = plan.rules.map((rule, i) => ({ met: 0, struck: 0, ...kept?.get(String(i)), rule }));
  } else put(given === undefined ? plan : checkedPlan(given));
  return {
    put: (next) => put(checkedPlan(next)),
    counts: () => counts.map((each) => ({ ...each })),
    strike: (call, kind) => {
      for (const [i, each] of counts.entries()) {
        const { rule } = each;
        if ((kind && rule.fault.kind !== kind) || !meets(rule, call)) continue;
        each.met++;
        const isSpared =
          each.met <= (rule.after ?? 0) ||
          each.struck >= (rule.times ?? Number.POSITIVE_INFINITY) ||
          (rule.share !== undefined && fraction(`${plan.seed ?? 1}/${i}/${each.met}`) >= rule.share);
        if (!isSpared) each.struck++;
        kept?.set(String(i), { met: each.met, struck: each.struck });
        if (!isSpared) return { fault: rule.fault, number: each.struck };
      }
      return undefined;
    },
    roleWording: () => plan.roleWording,
  };
}

const crashes = ({ rules }: FaultPlan) => rules.some(({ fault }) => fault.kind === 'crash');

const fits = (wanted: string | undefined, is: string) => wanted === undefined || wanted === '*' || wanted === is;
const meets = ({ service, operation, caller, apps, fault }: Rule, call: Struck): boolean =>
  fits(service, call.service) &&
  fits(operation, call.operation) &&
  fits(caller, call.caller) &&
  (apps === undefined || (call.app !== undefined && apps.includes(call.app))) &&
  (!('record' in fault) || recordWith(call.input, fault.record) >= 0);

const KINDS: Fault['kind'][] = [
  ...(['throttle', 'unavailable', 'role', 'cut', 'lostAnswer', 'timeout', 'error', 'latency', 'partial', 'crash'] as const),
  ...(['drop', 'double', 'alter'] as const),
];

/** The plan, or a plain line that says what is wrong with it. */
export function checkedPlan(plan: unknown): FaultPlan {
  const { rules, seed, roleWording, ...others } = (plan ?? {}) as Partial<FaultPlan>;
  if (!Array.isArray(rules)) throw new Error('a fault plan is {"rules": [{"service", "operation", "fault": {"kind"}}]}: rules is no list');
  const [other] = Object.keys(others);
  if (other !== undefined) throw new Error(`${other} is not a known field of a fault plan`);
  if (roleWording !== undefined && roleWording !== 'known' && roleWording !== 'unseen')
    throw new Error("roleWording must be 'known' or 'unseen'");
  for (const [i, rule] of rules.entries()) checkRule(rule, (field, must) => new Error(`rules[${i}].${field} ${must}`));
  return { rules, ...(seed !== undefined && { seed }), ...(roleWording && { roleWording }) };
}

const FIELDS = ['service', 'operation', 'caller', 'apps', 'after', 'times', 'share', 'fault'];

function checkRule(rule: Rule | undefined, wrong: (field: string, must: string) => Error): void {
  const unknown = Object.keys(rule ?? {}).find((key) => !FIELDS.includes(key));
  if (unknown !== undefined) throw wrong(unknown, 'is not a known field');
  if (!rule || !KINDS.includes(rule.fault?.kind)) throw wrong('fault.kind', `must be one of ${KINDS.join(', ')}`);
  for (const field of ['after', 'times'] as const)
    if (rule[field] !== undefined && !(Number.isInteger(rule[field]) && rule[field] >= 0)) throw wrong(field, 'must be a whole number');
  if (rule.caller !== undefined && typeof rule.caller !== 'string') throw wrong('caller', "must be a caller, as 'user/local'");
  if (rule.apps !== undefined && !(Array.isArray(rule.apps) && rule.apps.length > 0 && rule.apps.every((app) => typeof app === 'string')))
    throw wrong('apps', "must be a list of apps, as ['worker']");
  if (rule.share !== undefined && !(rule.share >= 0 && rule.share <= 1)) throw wrong('share', 'must be from 0 to 1');
  const { fault, operation = '*' } = rule;
  if (fault.kind === 'error' && typeof fault.name !== 'string') throw wrong('fault.name', "must be the error's name");
  if (fault.kind === 'latency' && !(fault.milliseconds >= 0)) throw wrong('fault.milliseconds', 'must be a number');
  if (fault.kind === 'partial' && !(fault.share >= 0 && fault.share <= 1)) throw wrong('fault.share', 'must be from 0 to 1');
  if (fault.kind === 'partial' && !PARTIAL.includes(operation))
    throw wrong('operation', `must be one of ${PARTIAL.join(', ')} where a part is to fail, not ${operation}`);
  if (fault.kind === 'crash' && fault.when !== 'before' && fault.when !== 'after') throw wrong('fault.when', "must be 'before' or 'after'");
  if (fault.kind !== 'drop' && fault.kind !== 'double' && fault.kind !== 'alter') return;
  const { record } = fault as { record?: unknown };
  if (typeof record !== 'string' || record === '') throw wrong('fault.record', 'must be a text that the record has in it');
  if (operation !== TAMPERED) throw wrong('operation', `must be ${TAMPERED} where a record is to suffer, not ${operation}`);
}
