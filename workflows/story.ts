import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import type { Answer } from '../activities/athena/query.ts';
import type { Crawled } from '../activities/glue/crawl.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { PipelineStatus } from './messages.ts';

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

/** The picture in Markdown, for the Temporal UI. */
export function details({ pipeline, state, reason, stages, faults, paused, deep, tally, drifts }: PipelineStatus): string {
  const { name, target, region, account, generator, shards } = pipeline;
  const rest = deep ? ', the Studio application stopped' : paused ? ', paused' : '';
  const lines = [
    `**${name}** is **${state}** (${target}, ${region}, account ${account}): ${generator.rate} events/s into ${shards} shards${rest}.`,
    ...(reason === undefined ? [] : ['', ...reason.split('\n').map((line) => `> ${line}`)]),
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

/** What a crawl left, in Markdown. */
export function crawlDetails({ tables, drifted }: Crawled): string {
  const lines = [`Tables: ${tables.join(', ') || 'none'}. ${drifted.length === 0 ? 'All columns are as the SQL expects them.' : ''}`];
  if (drifted.length > 0) lines.push('', '| table | column | expected | found |', '|---|---|---|---|');
  for (const { table, column, expected, found = 'nothing' } of drifted) lines.push(`| ${table} | ${column} | ${expected} | ${found} |`);
  return lines.join('\n');
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

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
