import type { ColumnInfo } from '@aws-sdk/client-athena';
import { type Aws, awsError } from '../aws.ts';
import { placeOf } from '../glue/crawl.ts';
import type { HiveType } from '../glue/hive-type.ts';
import { textOf } from './cells.ts';
import type { StatementResult } from './run-statement.ts';
import { athenaType } from './types.ts';

/** A kept result: its columns, and its rows as text. */
export interface StoredResult {
  columns: ColumnInfo[];
  rows: (string | null)[][];
}

/**
 * Writes a result as Athena does: a query's as CSV with a header, every value in quotes and null as nothing; a SHOW's as lines.
 * Beside it lies `<file>.metadata` with the columns (JSON here; AWS's is binary). Gives how many bytes were written.
 */
export async function writeResult(aws: Aws, location: string, { columns, rows, form }: StatementResult): Promise<number> {
  const { bucket, key } = objectOf(location);
  const body = form === 'csv' ? csv(columns, rows) : rows.map(([line]) => `${line}\n`).join('');
  const bytes = Buffer.from(body);
  await aws.objects.put(bucket, key, bytes, { contentType: form === 'csv' ? 'application/octet-stream' : 'text/plain' });
  await aws.objects.put(bucket, `${key}.metadata`, Buffer.from(JSON.stringify({ columns: columns.map(columnInfo) })), {
    contentType: 'application/octet-stream',
  });
  remember(location, undefined);
  return bytes.length;
}

const KEPT = 8;
const recent = new Map<string, StoredResult>();

/** Reads a result back from S3; throws InvalidRequestException if its object is gone. The last few stay in memory, for the next page. */
export async function readResult(aws: Aws, location: string): Promise<StoredResult> {
  const { bucket, key } = objectOf(location);
  const [body, about] = [aws.objects.find(bucket, key), aws.objects.find(bucket, `${key}.metadata`)];
  if (!body || !about) throw awsError('InvalidRequestException', `Could not find results: the object ${location} does not exist.`);
  const id = `${location} ${body.etag}`;
  const known = recent.get(id);
  if (known) return known;
  const { columns } = JSON.parse((await aws.objects.read(about)).toString()) as { columns: ColumnInfo[] };
  const text = (await aws.objects.read(body)).toString();
  const rows = key.endsWith('.csv')
    ? parsed(text).slice(1)
    : text
        .split('\n')
        .slice(0, -1)
        .map((line) => [line]);
  return remember(id, { columns, rows });
}

/** Whether a result can still be read. */
export const resultExists = (aws: Aws, location: string): boolean => {
  const { bucket, key } = objectOf(location);
  return aws.objects.find(bucket, key) !== undefined;
};

function remember<Result extends StoredResult | undefined>(id: string, result: Result): Result {
  recent.delete(id);
  if (result) recent.set(id, result);
  if (recent.size > KEPT) recent.delete(recent.keys().next().value!);
  return result;
}

function objectOf(location: string): { bucket: string; key: string } {
  const { bucket, prefix } = placeOf(location);
  return { bucket, key: prefix.replace(/\/$/, '') };
}

function csv(columns: StatementResult['columns'], rows: StatementResult['rows']): string {
  const quoted = (text: string | null) => (text === null ? '' : `"${text.replaceAll('"', '""')}"`);
  const head = columns.map(({ name }) => quoted(name)).join(',');
  return `${[head, ...rows.map((row) => row.map((value, i) => quoted(textOf(value, columns[i]!.type))).join(','))].join('\n')}\n`;
}

/** Reads our own CSV: a value in quotes is text, nothing is null. */
function parsed(text: string): (string | null)[][] {
  const rows: (string | null)[][] = [];
  let row: (string | null)[] = [];
  for (let at = 0; at < text.length; ) {
    let value: string | null = null;
    if (text[at] === '"') {
      let end = at + 1;
      while (text[end] !== '"' || text[end + 1] === '"') end += text[end] === '"' ? 2 : 1;
      value = text.slice(at + 1, end).replaceAll('""', '"');
      at = end + 1;
    }
    row.push(value);
    if (text[at] === '\n') {
      rows.push(row);
      row = [];
    }
    at++;
  }
  return rows;
}

const PRECISION: Record<string, number> = {
  boolean: 0,
  tinyint: 3,
  smallint: 5,
  integer: 10,
  bigint: 19,
  real: 17,
  double: 17,
  varchar: 2147483647,
  varbinary: 1073741824,
  timestamp: 3,
  date: 0,
};

function columnInfo({ name, type }: { name: string; type: HiveType }): ColumnInfo {
  const [, precision, scale] = (type.kind === 'primitive' && /^decimal\((\d+),\s*(\d+)\)$/.exec(type.name)) || [];
  const athena = athenaType(type);
  return {
    CatalogName: 'hive',
    SchemaName: '',
    TableName: '',
    Name: name,
    Label: name,
    Type: athena,
    Precision: precision === undefined ? (PRECISION[athena] ?? 0) : Number(precision),
    Scale: scale === undefined ? 0 : Number(scale),
    Nullable: 'UNKNOWN',
    CaseSensitive: athena === 'varchar',
  };
}
