import { permissionPolicy, type Service, trustPolicy } from '../activities/iam/policies.ts';
import type { Action, Difference, Survey } from '../activities/resource.ts';
import { cost, PRICES, perMonth, total } from '../pipeline/cost.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import type { PlanReport } from '../workflows/messages.ts';
import type { VerbResult } from './index.ts';
import { planned } from './pipeline.ts';
import { session } from './session.ts';
import { GROUPS } from './stage-groups.ts';

/** What a user wants to see of a plan, and agrees to. */
export interface PlanOptions {
  policies?: boolean;
  adopt?: boolean;
  replace?: boolean;
}

/** What `up` would do, before anything is done: each stage with its differences, the account's checks, the IAM policies, the cost. */
export async function plan({ policies, adopt, replace }: PlanOptions): Promise<VerbResult> {
  const { client, pipeline } = await session();
  const report = await planned(client, { pipeline, leave: { adopt, replace } });
  const everything = { generating: true, studio: true, schedules: true };
  const lines = cost(pipeline, everything);
  const facts = {
    ...report,
    policies: policiesOf(pipeline),
    cost: { date: PRICES.date, lines, perHour: total(lines), perMonth: perMonth(total(lines)) },
  };
  return { ok: true, facts, words: planWords(pipeline, report, { policies }) };
}

/** The four roles' policies as they would be put. */
const policiesOf = (pipeline: Pipeline) =>
  Object.fromEntries(
    (Object.keys(names(pipeline).roles) as Service[]).map((service) => [
      names(pipeline).roles[service],
      { trust: trustPolicy(service, pipeline, names(pipeline)), permissions: permissionPolicy(service, pipeline, names(pipeline)) },
    ]),
  );

const SIGNS: Record<Action, string> = { none: ' ', create: '+', change: '~', replace: '±', adopt: '>', foreign: '!', wait: '…' };
const MEANINGS: Record<Action, string> = {
  none: 'stays',
  create: 'create',
  change: 'change',
  replace: 'make anew: what it holds is lost',
  adopt: 'take over',
  foreign: "somebody else's",
  wait: 'is on its way',
};

/** The plan for people. */
export function planWords(pipeline: Pipeline, { stages, checks }: PlanReport, { policies = false }: { policies?: boolean } = {}): string {
  const lines: string[] = [`Plan for pipeline ${pipeline.name} (${pipeline.target}, ${pipeline.region}, account ${pipeline.account})`, ''];
  for (const [group, members] of Object.entries(GROUPS)) {
    const open = members.filter((stage) => stages[stage].action !== 'none');
    if (open.length === 0) continue;
    lines.push(group, ...open.flatMap((stage) => stageLines(stage, stages[stage])));
  }
  const count = (action: Action) => Object.values(stages).filter((each) => each.action === action).length;
  const actions = (['create', 'change', 'replace', 'adopt', 'foreign'] as const).filter((action) => count(action) > 0);
  const sum = actions.map((action) => `${count(action)} to ${action === 'foreign' ? 'decide on' : action}`).join(', ');
  lines.push('', sum === '' ? 'Nothing to do: everything is as the spec wants it.' : `${sum}, ${count('none')} stay; nothing is removed.`);
  for (const { name, state, message } of checks) if (state !== 'ok') lines.push(`${state}: ${name}: ${message}`);
  if (policies)
    for (const [role, policy] of Object.entries(policiesOf(pipeline))) lines.push('', `IAM role ${role}`, JSON.stringify(policy, null, 2));
  else lines.push('The IAM policies in full: npx d2d plan --policies');
  return [...lines, '', ...costLines(pipeline)].join('\n');
}

const stageLines = (stage: Stage, { label, arn, action, differences }: Survey): string[] => [
  `  ${SIGNS[action]} ${label}  (${stage}: ${MEANINGS[action]}${action === 'foreign' ? `, ${arn}; --adopt or another name` : ''})`,
  ...(action === 'create' ? [] : differences.map((each) => `      ${differenceLine(each)}`)),
];

const differenceLine = ({ field, is, wanted, replace }: Difference): string =>
  `${field}: ${short(is)} -> ${short(wanted)}${replace ? '  (cannot be changed: the thing is made anew)' : ''}`;

const LONGEST = 60;

function short(value: unknown): string {
  const text = value === undefined ? '(none)' : typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length} characters)` : text;
}

function costLines(pipeline: Pipeline): string[] {
  const lines = cost(pipeline, { generating: true, studio: true, schedules: true }).filter(({ perHour }) => perHour > 0);
  const sum = total(lines);
  const where = pipeline.target === 'local' ? 'On this machine it costs nothing. On AWS it would cost' : 'It will cost';
  return [
    `${where} $${sum.toFixed(2)} an hour, $${perMonth(sum).toFixed(0)} a month at ${pipeline.generator.rate} events/s (prices of ${PRICES.region}, ${PRICES.date};`,
    "QuickSight's users and the queries of open dashboards come on top):",
    ...lines.map(({ what, perHour, basis }) => `  ${what.padEnd(20)} $${perHour.toFixed(4).padStart(8)} /h  ${basis}`),
  ];
}
