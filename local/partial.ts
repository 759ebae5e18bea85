import { fraction } from './profile.ts';

type Fields = Record<string, unknown>;

/** How a batch is split: its entries, its input with fewer of them, and its answer once those that failed are put into it. */
interface Batch {
  entries(input: Fields): unknown[];
  reduced(input: Fields, entries: unknown[]): Fields;
  answer(output: Fields, entries: unknown[], fails: boolean[]): Fields;
}

const REASON = 'by the fault plan';

/** A batch whose entries stand in one list of the input, and whose failures in one of the answer. */
const listed = (list: string, failures: string, failure: (entry: unknown) => object): Batch => ({
  entries: (input) => (input[list] as unknown[] | undefined) ?? [],
  reduced: (input, entries) => ({ ...input, [list]: entries }),
  answer: (output, entries, fails) => ({
    ...output,
    [failures]: [...((output[failures] as unknown[] | undefined) ?? []), ...entries.filter((_, i) => fails[i]).map(failure)],
  }),
});

/** The operations of which a part can fail, as far as our code calls them. */
const BATCHES: Record<string, Batch> = {
  PutRecords: {
    ...listed('Records', 'Records', () => ({})),
    answer: (output, entries, fails) => {
      const stored = [...((output.Records as unknown[] | undefined) ?? [])];
      const failed = { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: `Rate exceeded for shard, ${REASON}` };
      return {
        ...output,
        Records: entries.map((_, i) => (fails[i] ? failed : stored.shift())),
        FailedRecordCount: fails.filter(Boolean).length + Number(output.FailedRecordCount ?? 0),
      };
    },
  },
  DeleteObjects: {
    ...listed('Delete', 'Errors', (entry) => ({ ...(entry as object), Code: 'InternalError', Message: REASON })),
    entries: (input) => ((input.Delete as Fields).Objects as unknown[] | undefined) ?? [],
    reduced: (input, entries) => ({ ...input, Delete: { ...(input.Delete as Fields), Objects: entries } }),
  },
  BatchDeleteTable: listed('TablesToDelete', 'Errors', (TableName) => ({
    TableName,
    ErrorDetail: { ErrorCode: 'InternalServiceException', ErrorMessage: REASON },
  })),
  BatchGetNamedQuery: listed('NamedQueryIds', 'UnprocessedNamedQueryIds', (NamedQueryId) => ({
    NamedQueryId,
    ErrorCode: 'INTERNAL_FAILURE',
    ErrorMessage: REASON,
  })),
  BatchGetQueryExecution: listed('QueryExecutionIds', 'UnprocessedQueryExecutionIds', (QueryExecutionId) => ({
    QueryExecutionId,
    ErrorCode: 'INTERNAL_FAILURE',
    ErrorMessage: REASON,
  })),
};

/** The names of these operations. */
export const PARTIAL: readonly string[] = Object.keys(BATCHES);

/** Splits a batch at its `number`th failure: the entries that fail are taken out of the input, and put into the answer. */
export function partialOf(operation: string, input: Fields, share: number, number: number) {
  const batch = BATCHES[operation]!;
  const entries = batch.entries(input);
  const fails = entries.map((_, i) => fraction(`${operation}/${number}/${i}`) < share);
  return {
    input: batch.reduced(
      input,
      entries.filter((_, i) => !fails[i]),
    ),
    isEmpty: fails.every(Boolean),
    answer: (output: Fields = {}) => batch.answer(output, entries, fails),
  };
}
