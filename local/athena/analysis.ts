import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Analysis } from './engine-messages.ts';
import { refuseGroupedExpressions } from './grouping.ts';
import { INFORMATION_SCHEMA } from './information-schema.ts';
import { type Inspection, inspect } from './inspection.ts';
import { tokens } from './tokens.ts';
import { translate } from './translator.ts';

/** Functions whose name in DuckDB means another thing: Trino's date_diff counts whole units, DuckDB's counts borders crossed. */
const RENAMED: Record<string, string> = {
  date_diff: 'date_sub',
  transform: 'list_transform',
};

let parser: Promise<DuckDBConnection> | undefined;

/** Translates and inspects one Trino query. Every table in the text that comes back is `awsdatacatalog.<database>.<table>`. */
export async function analyse(trino: string, database: string): Promise<Analysis> {
  refuseGroupedExpressions(trino);
  const sql = await translate(shielded(trino));
  parser ??= DuckDBInstance.create(':memory:', { threads: '1' }).then((instance) => instance.connect());
  const { tables, functions, named } = await inspect(await parser, sql);
  const edits = [
    ...tables.map((table) => completion(sql, table, database)),
    ...functions.filter(({ name }) => name in RENAMED).map(({ name, at }) => ({ at, drop: name.length, insert: RENAMED[name]! })),
  ];
  return {
    sql: edited(sql, edits),
    tables: tables.map(({ schema, name }) => ({ database: (schema || database).toLowerCase(), table: name.toLowerCase() })),
    named,
  };
}

/** Words that DuckDB reserves and Trino does not, so that they may be names of columns. */
const NAMES_IN_TRINO =
  /^(analyse|asymmetric|at|check|collate|column|default|do|foreign|initially|lambda|pivot|placing|primary|qualify|references|returning|show|summarize|symmetric|unique|unpivot|variadic)$/i;

/** Functions that the translation would change into something else: they pass it by as macros of ours. */
const OURS = /^(to_hex|sha1|sha256|md5|typeof)$/i;

function shielded(sql: string): string {
  const all = tokens(sql);
  const replacement = (i: number) => {
    const { kind, text } = all[i]!;
    if (kind !== 'word') return undefined;
    if (OURS.test(text) && all[i + 1]?.text === '(') return `trino_${text}`;
    return NAMES_IN_TRINO.test(text) && !/^time$/i.test(all[i + 1]?.text ?? '') ? `"${text}"` : undefined;
  };
  return all.reduceRight((text, token, i) => {
    const other = replacement(i);
    return other === undefined ? text : `${text.slice(0, token.at)}${other}${text.slice(token.at + token.text.length)}`;
  }, sql);
}

/** The edit that makes a table's name whole, at the place where it is written with or without its schema. */
function completion(
  sql: string,
  { catalog, schema, name, at }: Inspection['tables'][number],
  database: string,
): { at: number; drop: number; insert: string } {
  if (catalog !== '' && catalog.toLowerCase() !== 'awsdatacatalog')
    throw new Error(`CATALOG_NOT_FOUND: Catalog '${catalog}' does not exist`);
  if ((schema || database).toLowerCase() !== 'information_schema') {
    const insert = catalog !== '' ? '' : schema !== '' ? 'awsdatacatalog.' : `awsdatacatalog."${database.replaceAll('"', '""')}".`;
    return { at, drop: 0, insert };
  }
  const [written = ''] = /^("?awsdatacatalog"?\.)?("?information_schema"?\.)?/i.exec(Buffer.from(sql).subarray(at).toString()) ?? [];
  if (schema !== '' && written === '') throw new Error(`The place of ${name} in the query is not known.`);
  return { at, drop: Buffer.byteLength(written), insert: `awsdatacatalog.${INFORMATION_SCHEMA}.` };
}

/** Applies the edits from the end, so that positions (bytes) stay true. */
function edited(sql: string, edits: { at: number; drop: number; insert: string }[]): string {
  let bytes = Buffer.from(sql);
  for (const { at, drop, insert } of edits.sort((a, b) => b.at - a.at)) {
    if (insert === '' && drop === 0) continue;
    if (!(at < bytes.length)) throw new Error('The place of a name in the query is not known.');
    bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(insert), bytes.subarray(at + drop)]);
  }
  return bytes.toString();
}
