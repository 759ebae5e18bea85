import { type Aws, awsError } from '../aws.ts';
import type { CatalogPartition, CatalogTable } from './catalog.ts';

const NUMBERS = new Set(['tinyint', 'smallint', 'int', 'bigint', 'long']);

/** The partitions for which an expression such as `year = '2026' AND hour > '07'` holds; throws InvalidInputException on any other text. */
export async function where(
  aws: Aws,
  table: Readonly<CatalogTable>,
  all: Readonly<CatalogPartition>[],
  expression = '',
): Promise<Readonly<CatalogPartition>[]> {
  const keys = table.PartitionKeys ?? [];
  if (expression.trim() === '' || all.length === 0) return all;
  const columns = keys.map(({ Name: name = '', Type: type = 'string' }) => {
    const column = `"${name.replaceAll('"', '""')}"`;
    return NUMBERS.has(type) ? `TRY_CAST(${column} AS BIGINT) AS ${column}` : column;
  });
  const names = keys.map(({ Name: name = '' }) => `"${name.replaceAll('"', '""')}"`);
  const rows = all.map(({ Values: values }, i) => `(${[i, ...values.map((value) => `'${value.replaceAll("'", "''")}'`)].join(', ')})`);
  const sql = `SELECT i FROM (SELECT i, ${columns.join(', ')} FROM (VALUES ${rows.join(', ')}) AS raw(i, ${names.join(', ')})) WHERE (${expression}\n)`;
  try {
    const { rows: hits } = await aws.sql.query({ sql });
    return hits.map(([i]) => all[Number(i)]!);
  } catch (error) {
    throw awsError('InvalidInputException', `Expression '${expression}' is not valid: ${(error as Error).message.split('\n')[0]}`);
  }
}
