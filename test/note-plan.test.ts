import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { shardIds } from '../activities/kinesis/shards.ts';
import { buildNote } from '../activities/kinesis-analytics-v2/note.ts';
import { readSource } from '../local/kinesis-analytics-v2/interpreter.ts';
import { settingOf, splitStatements } from '../local/kinesis-analytics-v2/statements.ts';
import { isTableOption } from '../local/kinesis-analytics-v2/table-options.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { toolPaths } from '../setup/tools.mjs';
import { inOneJob, javaOptions } from './studio-flink.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'planned' }), account: '000000000000' };
const PLAN = fileURLToPath(new URL('flink-1.15/Plan.java', import.meta.url));
const NOTES = {
  'from the beginning': buildNote(pipeline),
  'from where windows stopped': buildNote(pipeline, { shards: shardIds(2), from: Date.parse('2026-11-23T18:00:00Z') }),
};

/** The statements of each paragraph. */
const paragraphsOf = (note: string): string[][] =>
  (JSON.parse(note) as { paragraphs: { text: string }[] }).paragraphs.map(({ text }) => splitStatements(readSource(text).body));

/** The table options that a Flink has, and its plan of a note. */
async function planned(lib: string, note: string): Promise<{ options: string[]; plan: string }> {
  const running = promisify(execFile)(toolPaths().java!, [...javaOptions, '-cp', `${lib}/*`, PLAN], { maxBuffer: 2 ** 24 });
  running.child.stdin!.end(inOneJob(paragraphsOf(note).flat()).join('\n'));
  const [options = '', plan = ''] = (await running).stdout.split('PLAN\n');
  return { options: options.trim().split('\n').sort(), plan };
}

it.each(Object.entries(NOTES))('a note %s sets only what a paragraph may, for its INSERTs, in the words of every Zeppelin', (_, note) => {
  const paragraphs = paragraphsOf(note);
  const settings = paragraphs.map((statements) => statements.flatMap((statement) => settingOf(statement) ?? []));
  expect(settings.slice(0, -1).flat()).toEqual([]);
  expect(settings.at(-1)!.map(({ key }) => key)).toEqual([
    'table.local-time-zone',
    'table.exec.state.ttl',
    'table.exec.source.idle-timeout',
  ]);
  for (const { key, value } of settings.at(-1)!) expect([isTableOption(key), value]).toEqual([true, expect.stringMatching(/^[^\s']+$/)]);
});

describe.each([
  ["Studio's", '1.15', toolPaths().studioFlinkLib],
  ["the local AWS's", '1.20', toolPaths().flinkLib],
])('%s Flink %s', (_, version, lib) => {
  const found: Record<string, Awaited<ReturnType<typeof planned>>> = {};
  beforeAll(async () => {
    for (const [name, note] of Object.entries(NOTES)) found[name] = await planned(lib!, note);
  });

  it.each(Object.keys(NOTES))('reads the events once, and de-duplicates them once, for all INSERTs of a note %s', (name) => {
    const { plan } = found[name]!;
    const count = (operator: string) => plan.split(`${operator}(`).length - 1;
    expect([count('TableSourceScan'), count('Deduplicate'), count('Sink')]).toEqual([1, 1, 6]);
  });

  if (version === '1.15')
    it('has the options that a paragraph may set', () => {
      const { options } = found['from the beginning']!;
      expect(options.length).toBeGreaterThan(50);
      expect(options.filter((key) => !isTableOption(key))).toEqual([]);
    });
});
