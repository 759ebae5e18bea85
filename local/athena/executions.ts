import type { AthenaError, QueryExecution, QueryExecutionState } from '@aws-sdk/client-athena';
import type { Aws } from '../aws.ts';
import { resultExists, writeResult } from './results.ts';
import { runStatement, statementType } from './run-statement.ts';
import { parseStatement, type Statement } from './statement.ts';
import { TrinoError, trinoError } from './trino-error.ts';
import { workGroupOf } from './work-groups.ts';

/** A query execution as the catalog keeps it. `text` is what runs, parameters filled in. */
export interface Execution {
  id: string;
  query: string;
  text: string;
  parameters?: string[];
  workGroup: string;
  database: string;
  catalog?: string;
  /** Where results go, without the file's name and with the last `/`. */
  folder: string;
  token?: string;
  reuseMinutes?: number;
  submitted: Date;
  state: QueryExecutionState;
  started?: Date;
  completed?: Date;
  reason?: string;
  error?: AthenaError;
  scanned: number;
  /** The object with the result, once there is one. */
  result?: string;
  isReused?: true;
}

/** The query executions, by id. */
export const executions = (aws: Aws) => aws.journal.table<Execution>('athena.executions');

const AT_ONCE = 4;

interface Runner {
  queue: string[];
  running: Map<string, AbortController>;
  isClosed: boolean;
  ended: Set<Promise<void>>;
}

const runners = new WeakMap<Aws, Runner>();

const runnerOf = (aws: Aws) =>
  runners.get(aws) ?? runners.set(aws, { queue: [], running: new Map(), isClosed: false, ended: new Set() }).get(aws)!;

/** Puts a recorded execution in the queue. */
export function enqueue(aws: Aws, id: string): void {
  runnerOf(aws).queue.push(id);
  drain(aws);
}

/** Ends an execution as CANCELLED: at once when it waits, by interrupting the engine when it runs. */
export function cancel(aws: Aws, execution: Readonly<Execution>): void {
  finish(aws, execution.id, { state: 'CANCELLED', reason: 'Query cancelled by user' });
  runnerOf(aws).running.get(execution.id)?.abort();
}

/**
 * Takes up the executions that were under way when the process ended: queries run again (they only read); a definition may have
 * been done, so it fails as a system error, which callers retry. Ends by `aws.onClose`.
 */
export function resumeExecutions(aws: Aws): void {
  const cause = 'The service was restarted while the statement ran';
  for (const { id, state, text } of executions(aws).values()) {
    if (state === 'QUEUED' || (state === 'RUNNING' && kindOf(text) === 'SELECT')) enqueue(aws, id);
    else if (state === 'RUNNING') finish(aws, id, failure(new TrinoError(`GENERIC_INTERNAL_ERROR: ${cause}`, true)));
  }
  forget(aws);
  aws.onClose(async () => {
    const runner = runnerOf(aws);
    runner.isClosed = true;
    for (const abort of runner.running.values()) abort.abort();
    await Promise.all(runner.ended);
  });
}

const KEPT_MS = 45 * 86_400_000;

/** Athena keeps a query's history for 45 days. */
function forget(aws: Aws): void {
  for (const { id, submitted } of executions(aws).values()) if (aws.now() - submitted.getTime() > KEPT_MS) executions(aws).delete(id);
}

function drain(aws: Aws): void {
  const runner = runnerOf(aws);
  while (!runner.isClosed && runner.running.size < AT_ONCE) {
    const id = runner.queue.shift();
    if (id === undefined) return;
    const abort = new AbortController();
    runner.running.set(id, abort);
    const ended = execute(aws, id, abort.signal)
      .catch((error: Error) => aws.log('athena', `query ${id}: ${error.stack}`))
      .finally(() => {
        runner.running.delete(id);
        runner.ended.delete(ended);
        drain(aws);
      });
    runner.ended.add(ended);
  }
}

async function execute(aws: Aws, id: string, signal: AbortSignal): Promise<void> {
  const execution = executions(aws).get(id);
  if (!execution || !isOpen(execution)) return;
  await aws.sleep(aws.takes('query', id), signal);
  if (signal.aborted || !isOpen(executions(aws).get(id) ?? execution)) return;
  executions(aws).set(id, { ...execution, state: 'RUNNING', started: new Date(aws.now()) });
  await aws.journal.commit();
  const earlier = reusable(aws, execution);
  if (earlier) finish(aws, id, { state: 'SUCCEEDED', result: earlier, isReused: true });
  else await runAndKeep(aws, execution, signal);
  await aws.journal.commit();
}

async function runAndKeep(aws: Aws, { id, text, database, folder, workGroup }: Readonly<Execution>, signal: AbortSignal): Promise<void> {
  try {
    const result = await runStatement(aws, text, { database, signal });
    const cutoff = workGroupOf(aws, workGroup).Configuration?.BytesScannedCutoffPerQuery;
    if (cutoff !== undefined && result.bytesScanned > cutoff) {
      finish(aws, id, { state: 'CANCELLED', reason: 'Bytes scanned limit was exceeded', scanned: result.bytesScanned });
      return;
    }
    const location = `${folder}${id}.${result.form}`;
    await writeResult(aws, location, result);
    finish(aws, id, { state: 'SUCCEEDED', result: location, scanned: result.bytesScanned });
  } catch (error) {
    // At shutdown the execution stays RUNNING, so that the next start takes it up.
    if (signal.aborted) return;
    finish(aws, id, failure(error instanceof TrinoError ? error : trinoError((error as Error).message, text)));
  }
}

const failure = ({ message, isSystem }: TrinoError): Partial<Execution> => ({
  state: 'FAILED',
  reason: message,
  error: { ErrorCategory: isSystem ? 1 : 2, Retryable: isSystem, ErrorMessage: message },
});

/** A state once final stays. */
function finish(aws: Aws, id: string, outcome: Partial<Execution>): void {
  const execution = executions(aws).get(id);
  if (execution && isOpen(execution)) executions(aws).set(id, { ...execution, ...outcome, completed: new Date(aws.now()) });
}

/** Whether the execution has not ended yet. */
export const isOpen = ({ state }: Readonly<Execution>): boolean => state === 'QUEUED' || state === 'RUNNING';

function reusable(aws: Aws, { text, database, workGroup, reuseMinutes }: Readonly<Execution>): string | undefined {
  if (reuseMinutes === undefined || kindOf(text) !== 'SELECT') return undefined;
  const since = aws.now() - reuseMinutes * 60_000;
  const earlier = executions(aws)
    .values()
    .filter(
      (other) =>
        other.state === 'SUCCEEDED' &&
        other.text === text &&
        other.database === database &&
        other.workGroup === workGroup &&
        !other.isReused,
    )
    .findLast((other) => other.completed!.getTime() >= since && other.result !== undefined && resultExists(aws, other.result));
  return earlier?.result;
}

function statementOf(text: string): Statement | undefined {
  try {
    return parseStatement(text);
  } catch (error) {
    if (error instanceof TrinoError) return undefined;
    throw error;
  }
}

const kindOf = (text: string) => statementOf(text)?.kind;

/** The execution as Athena shows it. */
export function shown(aws: Aws, execution: Readonly<Execution>): QueryExecution {
  const {
    id,
    query,
    parameters,
    workGroup,
    database,
    catalog,
    folder,
    submitted,
    started,
    completed,
    state,
    reason,
    error,
    result,
    reuseMinutes,
    isReused,
  } = execution;
  const statement = statementOf(execution.text);
  const end = completed?.getTime() ?? aws.now();
  const queued = (started?.getTime() ?? end) - submitted.getTime();
  const running = started ? end - started.getTime() : 0;
  return {
    QueryExecutionId: id,
    Query: query,
    StatementType: statement ? statementType(statement) : 'DML',
    SubstatementType: statement?.kind,
    ResultConfiguration: { OutputLocation: result ?? `${folder}${id}.${statement && statement.kind !== 'SELECT' ? 'txt' : 'csv'}` },
    ResultReuseConfiguration: {
      ResultReuseByAgeConfiguration: reuseMinutes === undefined ? { Enabled: false } : { Enabled: true, MaxAgeInMinutes: reuseMinutes },
    },
    QueryExecutionContext: { Database: database, Catalog: catalog?.toLowerCase() },
    Status: { State: state, StateChangeReason: reason, SubmissionDateTime: submitted, CompletionDateTime: completed, AthenaError: error },
    Statistics: {
      EngineExecutionTimeInMillis: running,
      DataScannedInBytes: execution.scanned,
      TotalExecutionTimeInMillis: queued + running,
      QueryQueueTimeInMillis: queued,
      QueryPlanningTimeInMillis: 0,
      ServicePreProcessingTimeInMillis: 0,
      ServiceProcessingTimeInMillis: 0,
      ResultReuseInformation: { ReusedPreviousResult: isReused === true },
    },
    WorkGroup: workGroup,
    EngineVersion: { SelectedEngineVersion: 'AUTO', EffectiveEngineVersion: 'Athena engine version 3' },
    ExecutionParameters: parameters,
  };
}
