import { setTimeout as delay } from 'node:timers/promises';
import type { Aws } from '../aws.ts';
import { applicationOf } from './application.ts';
import { type CatalogRights, catalogRights } from './catalog-rights.ts';
import { readSource, type Source } from './interpreter.ts';
import { jobFinished } from './job.ts';
import { notes, type ParagraphResults, type ParagraphStatus, patchParagraph } from './note.ts';
import { asOneJob, createdKinesisTable, isInsert, settingOf, splitStatements, startsJob } from './statements.ts';
import type { Studio } from './studio.ts';
import { afterPage, emptyTable, resultMessages } from './table.ts';
import { isTableOption } from './table-options.ts';

type Cluster = NonNullable<Studio['cluster']>;

const EXIT_HEARD_MS = 5000;

/** What a statement needs to know about the paragraph it belongs to. */
interface Context {
  cluster: Cluster;
  endpoint: string;
  mayRun: CatalogRights;
  signal: AbortSignal;
  /** What holds for the paragraph alone: its parallelism, and what it has SET so far. */
  config: Record<string, string>;
  onJob: (job: string) => void;
  show: (results: ParagraphResults) => void;
}

/** Runs one paragraph and resolves with how it ended; one that is under way is not started twice. */
export function runParagraph(aws: Aws, studio: Studio, key: string, id: string): Promise<ParagraphStatus> {
  const runId = `${key}/${id}`;
  const under = studio.runs.get(runId);
  if (under) return under.ended;
  const stop = new AbortController();
  const ended = perform(aws, studio, key, id, stop.signal).finally(() => studio.runs.delete(runId));
  studio.runs.set(runId, { stop, ended });
  return ended;
}

/** Runs a note's paragraphs from top to bottom, each after the one before it has ended, up to the first that does not finish. */
export async function runNote(aws: Aws, studio: Studio, key: string): Promise<void> {
  studio.playing.add(key);
  try {
    for (const { id, config } of notes(aws).get(key)?.paragraphs ?? []) {
      if (config.enabled === false) continue;
      if (studio.cluster === undefined || (await runParagraph(aws, studio, key, id)) !== 'FINISHED') return;
    }
  } finally {
    studio.playing.delete(key);
  }
}

/** Stops what runs of a note, or one paragraph of it; resolves when its jobs are cancelled. */
export async function stopRuns(studio: Studio, key: string, id = ''): Promise<void> {
  const runs = [...studio.runs]
    .filter(([runId]) => (id === '' ? runId.startsWith(`${key}/`) : runId === `${key}/${id}`))
    .map(([, run]) => run);
  for (const { stop } of runs) stop.abort();
  await Promise.all(runs.map(({ ended }) => ended));
}

async function perform(aws: Aws, studio: Studio, key: string, id: string, signal: AbortSignal): Promise<ParagraphStatus> {
  const note = async (patch: Parameters<typeof patchParagraph>[3]) => {
    const paragraph = patchParagraph(aws, key, id, patch);
    await aws.journal.commit();
    return paragraph;
  };
  const { cluster } = studio;
  const paragraph = await note({ status: 'RUNNING', started: new Date(aws.now()), finished: undefined, results: undefined, jobs: [] });
  if (!paragraph || !cluster) return 'ABORT';
  const jobs: string[] = [];
  const show = (results: ParagraphResults) => {
    const run = studio.runs.get(`${key}/${id}`);
    if (run) run.results = results;
  };
  const onJob = (job: string) => {
    jobs.push(job);
    patchParagraph(aws, key, id, { jobs: [...jobs] });
  };
  const finish = async (status: ParagraphStatus, results?: ParagraphResults) => {
    await note({ status, finished: new Date(aws.now()), results });
    return status;
  };
  try {
    const mayRun = catalogRights(aws, applicationOf(aws, studio.application));
    const context = { cluster, endpoint: aws.endpoint, mayRun, signal, config: {}, onJob, show };
    return await finish('FINISHED', await interpret(readSource(paragraph.text), context));
  } catch (error) {
    const shown = studio.runs.get(`${key}/${id}`)?.results;
    if (signal.aborted || (error as Error).name === 'AbortError' || (await isGone(cluster, error))) return finish('ABORT', shown);
    return finish('ERROR', { code: 'ERROR', msg: [...(shown?.msg ?? []), { type: 'TEXT', data: (error as Error).message }] });
  }
}

/** A connection that breaks is the JVM's end, if the JVM's end is then heard of. */
async function isGone({ flink }: Cluster, error: unknown): Promise<boolean> {
  if (!(error instanceof TypeError && error.message === 'fetch failed')) return false;
  return (await Promise.race([flink.exited, delay(EXIT_HEARD_MS)])) !== undefined;
}

async function interpret({ interpreter, properties, body }: Source, context: Context): Promise<ParagraphResults> {
  if (interpreter === 'md') return { code: 'SUCCESS', msg: [{ type: 'TEXT', data: body }] };
  if (interpreter !== 'flink.ssql') throw new Error(`Interpreter ${interpreter} not found: the local notebook runs %flink.ssql and %md.`);
  if (properties.type !== undefined && properties.type !== 'update')
    throw new Error(`The local notebook shows type=update, not type=${properties.type}.`);
  const config: Record<string, string> = properties.parallelism === undefined ? {} : { 'parallelism.default': properties.parallelism };
  const all = splitStatements(body);
  const inserts = properties.runAsOne === 'true' ? all.filter(isInsert) : [];
  const statements = inserts.length > 0 ? [...all.filter((statement) => !isInsert(statement)), asOneJob(inserts)] : all;
  const results: ParagraphResults = { code: 'SUCCESS', msg: [] };
  for (const statement of statements) {
    const before = [...results.msg];
    const show = ({ msg }: ParagraphResults) => context.show({ code: 'SUCCESS', msg: [...before, ...msg] });
    results.msg.push(...(await runStatement(statement, { ...context, config, show })));
    context.show({ code: 'SUCCESS', msg: [...results.msg] });
  }
  return results;
}

async function runStatement(statement: string, context: Context): Promise<ParagraphResults['msg']> {
  const setting = settingOf(statement);
  if (setting) {
    if (!isTableOption(setting.key)) throw new Error(`${setting.key} is not a valid table/sql config`);
    context.config[setting.key] = setting.value;
    return [];
  }
  context.mayRun(statement);
  const msg = await execute(statement, context);
  const table = createdKinesisTable(statement);
  // The one difference from AWS: where Kinesis is. It is set here so that no SQL text has to know.
  if (table !== undefined) await execute(`ALTER TABLE ${table} SET ('aws.endpoint' = '${context.endpoint}')`, context);
  return msg;
}

async function execute(statement: string, { cluster, signal, config, onJob, show }: Context): Promise<ParagraphResults['msg']> {
  const { flink, session, lost } = cluster;
  signal.throwIfAborted();
  const operation = await session.execute(statement, config);
  let table = emptyTable();
  let job: string | undefined;
  try {
    // A job on its way to the cluster is waited for even by who wants to stop: it can be cancelled only once it is known.
    for await (const page of session.results(operation, startsJob(statement) ? lost : AbortSignal.any([signal, lost]))) {
      if (page.jobId !== undefined && job === undefined) {
        job = page.jobId;
        onJob(job);
      }
      if (job !== undefined && !page.isQuery) break;
      table = afterPage(table, page);
      if (page.isQuery) show({ code: 'SUCCESS', msg: resultMessages(statement, table) });
    }
  } finally {
    if (!lost.aborted) await session.close(operation);
  }
  if (job === undefined || table.isQuery) return resultMessages(statement, table);
  await jobFinished(flink.restUrl, job, signal);
  return [{ type: 'TEXT', data: 'Insertion successfully.\n' }];
}
