import type { Service } from '../activities/iam/policies.ts';
import type { Action, Survey } from '../activities/resource.ts';
import { cost, PRICES, perMonth, total } from '../pipeline/cost.ts';
import { foreignAdvice } from '../pipeline/foreign.ts';
import { names } from '../pipeline/names.ts';
import { rateWords } from '../pipeline/rate.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import type { PlanReport } from '../workflows/messages.ts';
import { refusal } from '../workflows/refusal.ts';
import { differenceWords } from './difference-words.ts';
import { requestPlan } from './pipeline.ts';
import { policiesOf, policyWords, servicesOf } from './policy-words.ts';
import { session } from './session.ts';
import { GROUPS } from './stage-groups.ts';
import type { VerbResult } from './verb.ts';

/** What a user wants to see of a plan, and agrees to. */
export interface PlanOptions {
  policies?: boolean;
  adopt?: boolean;
  replace?: boolean;
}

/** What `up` would do, before anything is done: each stage with its differences, the account's checks, the IAM policies, the cost. */
export async function plan({ policies, adopt, replace }: PlanOptions): Promise<VerbResult> {
  const { client, pipeline } = await session();
  const report = await requestPlan(client, { pipeline, consent: { adopt, replace } });
  const everything = { generating: true, studio: true, schedules: true };
  const lines = cost(pipeline, everything);
  const facts = {
    ...report,
    policies: Object.fromEntries(servicesOf(pipeline).map((service) => [names(pipeline).roles[service], policiesOf(service, pipeline)])),
    cost: { date: PRICES.date, lines, perHour: total(lines), perMonth: perMonth(total(lines)) },
  };
  const isRefused = refusal(report, { adopt, replace }) !== undefined;
  return { ok: !isRefused, facts, words: planWords(pipeline, report, { policies }) };
}

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

/** The plan for people; with `policies` those of every role, else of those that would be made or changed. */
export function planWords(pipeline: Pipeline, report: PlanReport, { policies = false }: { policies?: boolean } = {}): string {
  const { stages, checks } = report;
  const lines: string[] = [`Plan for pipeline ${pipeline.name} (${pipeline.target}, ${pipeline.region}, account ${pipeline.account})`, ''];
  for (const [group, members] of Object.entries(GROUPS)) {
    const open = members.filter((stage) => stages[stage].action !== 'none');
    if (open.length === 0) continue;
    lines.push(group, ...open.flatMap((stage) => stageLines(stage, stages[stage])));
  }
  lines.push('', ...sumLines(report));
  for (const { name, state, message, telling } of checks) if (telling || state !== 'ok') lines.push(`${state}: ${name}: ${message}`);
  const shown = servicesOf(pipeline).filter((service) => policies || isTouched(stages[ROLES[service]]));
  if (shown.length > 0) lines.push('', 'IAM policies', ...shown.flatMap((service) => policyWords(service, pipeline)));
  if (shown.length < servicesOf(pipeline).length) lines.push('', 'The IAM policies of every role: npx d2d plan --policies');
  return [...lines, '', ...costLines(pipeline)].join('\n');
}

const ROLES: Record<Service, Stage> = {
  firehose: 'firehoseRole',
  studio: 'studioRole',
  crawler: 'crawlerRole',
  quicksight: 'quicksightRole',
};

const isTouched = ({ action }: Survey): boolean => ['create', 'change', 'replace', 'adopt'].includes(action);

function stageLines(stage: Stage, is: Survey): string[] {
  const { label, action, differences } = is;
  const head = `  ${SIGNS[action]} ${label}  (${stage}: ${MEANINGS[action]})`;
  if (action === 'create') return [head];
  if (action === 'foreign') return [head, `      ${foreignAdvice(is)}`];
  const lines = [head, ...differences.map((each) => `      ${differenceWords(each)}`)];
  const staysChanged = action === 'adopt' && differences.some((each) => !each.field.startsWith('Tags.'));
  return staysChanged ? [...lines, '      a rollback puts its tags back; what else is changed here stays changed'] : lines;
}

const DOINGS = {
  create: 'to create',
  change: 'to change',
  replace: 'to replace',
  adopt: 'to adopt',
  foreign: 'to decide on',
  wait: 'on the way in or out',
} as const;

function sumLines(report: PlanReport): string[] {
  const count = (action: Action) => Object.values(report.stages).filter((each) => each.action === action).length;
  const actions = (['create', 'change', 'replace', 'adopt', 'foreign', 'wait'] as const).filter((action) => count(action) > 0);
  const sum = actions.map((action) => `${count(action)} ${DOINGS[action]}`).join(', ');
  const { removed } = report;
  if (sum === '' && removed.length === 0) return ['Nothing to do: everything is as the spec wants it.'];
  const all = `${sum === '' ? 'Nothing to make or change' : sum}, ${count('none')} stay`;
  return removed.length === 0 ? [`${all}; nothing is removed.`] : [`${all}; removed:`, ...removed.map((what) => `  - ${what}`)];
}

function costLines(pipeline: Pipeline): string[] {
  const lines = cost(pipeline, { generating: true, studio: true, schedules: true }).filter(({ perHour }) => perHour > 0);
  const sum = total(lines);
  const where = pipeline.target === 'local' ? 'On this machine it costs nothing. On AWS it would cost' : 'It will cost';
  return [
    `${where} $${sum.toFixed(2)} an hour, $${perMonth(sum).toFixed(0)} a month at ${rateWords(pipeline.generator.rate)} (prices of ${PRICES.region}, ${PRICES.date};`,
    "QuickSight's users and the queries of open dashboards come on top):",
    ...lines.map(({ what, perHour, basis }) => `  ${what.padEnd(20)} $${perHour.toFixed(4).padStart(8)} /h  ${basis}`),
  ];
}
