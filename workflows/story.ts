import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import type { Answer } from '../activities/athena/query.ts';
import type { Crawled } from '../activities/glue/crawl.ts';
import { type Audit, agreementInWords, mismatches } from '../pipeline/audit.ts';
import { rateWords } from '../pipeline/rate.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { GeneratorState, NotebookState, PipelineStatus } from './messages.ts';
import { outlook, reasonsOf } from './outlook.ts';

const NAME = defineSearchAttributeKey('PipelineName', 'KEYWORD');
const STATE = defineSearchAttributeKey('PipelineState', 'KEYWORD');
const TARGET = defineSearchAttributeKey('PipelineTarget', 'KEYWORD');

/** The search attributes of our workflows, which the Temporal server has to know. */
export const SEARCH_ATTRIBUTES = [NAME, STATE, TARGET];

/** What the workflows of a pipeline are found by; the state belongs to the pipeline's own. */
export function attributes({ name, target }: Pick<Pipeline, 'name' | 'target'>, state?: PipelineStatus['state']): SearchAttributePair[] {
  const found = [
    { key: NAME, value: name },
    { key: TARGET, value: target },
  ];
  return state === undefined ? found : [...found, stateAttribute(state)];
}

/** The attribute that changes with the state; a scheduled run that found nothing it may do is `skipped`. */
export const stateAttribute = (state: PipelineStatus['state'] | 'skipped') => ({ key: STATE, value: state });

/** What the Temporal UI shows of a workflow from its start. */
export const introduced = (pipeline: Pipeline, staticSummary: string) => ({
  staticSummary,
  staticDetails: `Pipeline **${pipeline.name}** in account ${pipeline.account}, ${pipeline.region} (${pipeline.target}).`,
  typedSearchAttributes: attributes(pipeline),
});

/** The status in Markdown, for the Temporal UI. */
export function details(status: PipelineStatus): string {
  const { pipeline, state, stages, faults, paused, deep, tally, drifts } = status;
  const { name, target, region, account, generator, shards } = pipeline;
  const rest = deep ? ', the Studio application stopped' : paused ? ', paused' : '';
  const { words, next } = outlook(status);
  const lines = [
    `Operates pipeline **${name}**, which is **${state}** (${target}, ${region}, account ${account}): ${rateWords(generator.rate)} into ${shards} shards${rest}.`,
    ...reasonsOf(status).flatMap(quoted),
    '',
    `${words} Next: ${next.map((command) => `\`${command}\``).join(', ')}.`,
    '',
    '| stage | state | what AWS said |',
    '|---|---|---|',
    ...Object.entries(stages).map(([stage, at]) => `| ${stage} | ${at} | ${cell(faults[stage as keyof typeof faults] ?? '')} |`),
  ];
  if (tally) {
    const { created, changed, unchanged, seconds, calls, mutatingCalls } = tally;
    lines.push(
      '',
      `Last change: ${created} created, ${changed} changed, ${unchanged} unchanged in ${seconds} s; ${mutatingCalls} of ${calls} calls changed something.`,
    );
  }
  for (const { label, done, missing, differences, at } of drifts.slice(-5)) {
    const what = missing ? 'was gone' : `differed in ${differences.map(({ field }) => field).join(', ')}`;
    lines.push('', `Drift ${new Date(at).toISOString()}: ${cell(label)} ${what}; ${done}.`);
  }
  return lines.join('\n');
}

/** The state of the SQL in Markdown; it begins with the workflow's summary, which a run that continues another lacks. */
export function notebookDetails({ name }: Pipeline, { state, reason, gap, restarts, lastRestart }: NotebookState): string {
  const lines = [`Keeps the SQL of the Studio notebook of pipeline **${name}** running. It is **${state}**.`, ...quoted(reason)];
  if (gap !== undefined) lines.push('', 'Windows will be missing:', ...quoted(gap));
  if (restarts > 0) lines.push('', `Restarted ${restarts} times, the last time ${restartOf(lastRestart)}`);
  return lines.join('\n');
}

const restartOf = (last: NotebookState['lastRestart']) =>
  last ? `${new Date(last.at).toISOString()}, since ${cell(last.reason)}.` : 'long ago.';

/** What the generator has done, in Markdown; it begins with the workflow's summary, which a run that continues another lacks. */
export const generatorDetails = ({ name }: Pipeline, { state, game, acknowledged, total, heartbeats, rate }: GeneratorState): string =>
  `Sends the events of the game of pipeline **${name}**. It is **${state}**: ${acknowledged}${total === undefined ? '' : ` of ${total}`} events of run ${game.run} acknowledged at ${rate}, ${heartbeats} heartbeats.`;

/** What a crawl left, in Markdown. */
export function crawlDetails({ tables, drifted }: Crawled): string {
  const lines = [`Tables: ${tables.join(', ') || 'none'}. ${drifted.length === 0 ? 'All columns are as the SQL expects them.' : ''}`];
  if (drifted.length > 0) lines.push('', '| table | column | expected | found |', '|---|---|---|---|');
  for (const { table, column, expected, found = 'nothing' } of drifted) lines.push(`| ${table} | ${column} | ${expected} | ${found} |`);
  return lines.join('\n');
}

/** What an audit found, in Markdown. */
export function auditDetails(report: Audit): string {
  const faults = mismatches(report);
  const { generated, acknowledged } = report;
  const lines = ['| place | events | missing | altered | copies |', '|---|---|---|---|---|'];
  lines.push(`| ledger | ${acknowledged} | ${generated - acknowledged} | 0 | 0 |`);
  for (const { place, events, missing, altered, copies } of report.places)
    lines.push(
      `| ${place} | ${events} | ${missing} | ${altered} | ${copies.onPurpose + copies.resent + (copies.redelivered ?? 0) + copies.unexplained} |`,
    );
  return [`${generated} events were generated. ${faults.length === 0 ? agreementInWords(report) : ''}`, '', ...lines, ...faults].join('\n');
}

/** What questions brought, in Markdown. */
export const answerDetails = (answers: Answer[]): string =>
  [
    '| question | rows | ms | bytes scanned |',
    '|---|---|---|---|',
    ...answers.map(
      ({ question, rows, more, milliseconds, bytesScanned }) =>
        `| ${question} | ${rows.length}${more ? ' and more' : ''} | ${milliseconds} | ${bytesScanned} |`,
    ),
  ].join('\n');

const quoted = (text: string | undefined) => (text === undefined ? [] : ['', ...text.split('\n').map((line) => `> ${line}`)]);

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
