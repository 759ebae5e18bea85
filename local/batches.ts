import type { PutRecordsRequestEntry, PutRecordsResultEntry } from '@aws-sdk/client-kinesis';
import type { OpenCall } from './call-log.ts';
import type { Fault } from './faults.ts';
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

/** The operation of whose records one may be tampered with. */
export const TAMPERED = 'PutRecords';

/** A batch as the operation is to get it, once more if `again` is there, and what is answered then; nothing gets to the operation where it `isEmpty`. */
interface Befallen {
  input: Fields;
  isEmpty: boolean;
  again?: Fields;
  answer(output?: Fields): Fields;
}

/** What becomes of a batch on the `number`th strike of a fault; undefined for faults that befall no single entries. */
export function batchOf(fault: Fault, { operation, input }: Pick<OpenCall, 'operation' | 'input'>, number: number): Befallen | undefined {
  if (fault.kind === 'partial') return partialOf(operation, input as Fields, fault.share, number);
  return 'record' in fault ? tamperedWith(input as Fields, fault) : undefined;
}

/** Which record of a batch has this text in it; -1 if none has. */
export const recordWith = (input: unknown, text: string): number =>
  ((input as { Records?: PutRecordsRequestEntry[] }).Records ?? []).findIndex(({ Data = new Uint8Array() }) =>
    Buffer.from(Data.buffer, Data.byteOffset, Data.length).includes(text),
  );

/** Tampers with one record and lets nobody know: the answer is that of a batch in which all went well. */
function tamperedWith(input: Fields, { kind, record: text }: Extract<Fault, { record: string }>): Befallen {
  const records = input.Records as PutRecordsRequestEntry[];
  const at = recordWith(input, text);
  const record = records[at]!;
  const whole = (output: Fields = {}): Fields => output;
  if (kind === 'double') return { input, isEmpty: false, again: { ...input, Records: [record] }, answer: whole };
  if (kind === 'alter') {
    const Records = records.with(at, { ...record, Data: altered(record.Data!) });
    return { input: { ...input, Records }, isEmpty: false, answer: whole };
  }
  const others = records.toSpliced(at, 1);
  const neighbour = others.findIndex(({ ExplicitHashKey: key }) => key === record.ExplicitHashKey);
  return {
    input: { ...input, Records: others },
    isEmpty: others.length === 0,
    answer: (output = {}) => {
      const results = (output.Records as PutRecordsResultEntry[] | undefined) ?? [];
      const { ShardId = 'shardId-000000000000', SequenceNumber = '0' } = results[neighbour] ?? {};
      return { FailedRecordCount: 0, EncryptionType: 'NONE', ...output, Records: results.toSpliced(at, 0, { ShardId, SequenceNumber }) };
    },
  };
}

/** The same bytes with another last digit. */
function altered(data: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(data);
  const at = bytes.findLastIndex((byte) => byte >= 0x30 && byte <= 0x39);
  if (at >= 0) bytes[at] = bytes[at]! ^ 1;
  return bytes;
}

/** Splits a batch at its `number`th failure: the entries that fail are taken out of the input, and put into the answer. */
function partialOf(operation: string, input: Fields, share: number, number: number): Befallen {
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
