import type { DuckDBConnection } from '@duckdb/node-api';

/** What a query refers to. `at` is the byte position of a table's (first) name in the text; `renames` what DuckDB calls otherwise. */
export interface Inspection {
  tables: { catalog: string; schema: string; name: string; at: number }[];
  functions: { name: string; at: number }[];
  /** For each output column written in the text: whether it has a name of its own. Undefined behind a `*`. */
  named: (boolean | undefined)[];
}

const TABLE_FUNCTIONS = new Set(['unnest', 'generate_series', 'range']);

/** Functions that read settings, the environment or files, write the log, or run text as SQL. */
const FORBIDDEN =
  /^(getenv|getvariable|current_setting|set_config|nextval|currval|txid_current|write_log|sql_auto_complete|in_search_path|query|query_table|glob|parse_duckdb_log_message|sniff_csv|read_.*|.*_scan|duckdb_.*|pragma_.*|pg_.*|parquet_.*|json_(de)?serialize_.*|json_execute_.*|checkpoint|force_checkpoint|storage_info|test_.*|seq_scan|summary|st_.*)$/i;

type Node = { [key: string]: unknown };

/** Parses `sql` without running it; throws DuckDB's parser message, or says what is not allowed. Names of CTEs are not among the tables. */
export async function inspect(connection: DuckDBConnection, sql: string): Promise<Inspection> {
  const reader = await connection.runAndReadAll(`SELECT json_serialize_sql('${sql.replaceAll("'", "''")}')`);
  const parsed = JSON.parse(String(reader.getRows()[0]![0])) as {
    error: boolean;
    error_type?: string;
    error_message?: string;
    statements?: { node: Node }[];
  };
  if (parsed.error)
    throw new Error(parsed.error_type === 'not implemented' ? 'Only SELECT is allowed.' : `Parser Error: ${parsed.error_message}`);
  const [statement, another] = parsed.statements ?? [];
  if (!statement || another) throw new Error('Only one statement is allowed.');
  const found: Inspection = { tables: [], functions: [], named: [] };
  walk(statement.node, new Set(), found);
  found.named = namesOf(statement.node);
  return found;
}

function walk(value: unknown, ctes: ReadonlySet<string>, found: Inspection): void {
  if (Array.isArray(value)) for (const item of value) walk(item, ctes, found);
  else if (value !== null && typeof value === 'object') walkNode(value as Node, ctes, found);
}

function walkNode(node: Node, outer: ReadonlySet<string>, found: Inspection): void {
  const { cte_map: map, ...rest } = node as Node & { cte_map?: { map: { key: string; value: Node }[] } };
  let ctes = outer;
  for (const { key, value } of map?.map ?? []) {
    const inner = new Set(ctes).add(key.toLowerCase());
    walk(value, isRecursive(value) ? inner : ctes, found);
    ctes = inner;
  }
  if (node.type === 'BASE_TABLE') note(node, ctes, found);
  if (node.type === 'SHOW_REF') throw new Error('Only SELECT is allowed.');
  if (node.type === 'TABLE_FUNCTION') {
    const { function_name: name } = node.function as { function_name: string };
    if (!TABLE_FUNCTIONS.has(name.toLowerCase())) throw new Error(`Catalog Error: Table Function with name ${name} does not exist!`);
  }
  if (typeof node.function_name === 'string') {
    const name = node.function_name;
    if (FORBIDDEN.test(name)) throw new Error(`Catalog Error: Scalar Function with name ${name} does not exist!`);
    found.functions.push({ name, at: Number(node.query_location) });
  }
  for (const item of Object.values(rest)) walk(item, ctes, found);
}

const isRecursive = (cte: Node) => JSON.stringify(cte).includes('"RECURSIVE_CTE_NODE"');

function note(node: Node, ctes: ReadonlySet<string>, { tables }: Inspection): void {
  const { catalog_name: catalog, schema_name: schema, table_name: name, query_location: at } = node as unknown as Record<string, string>;
  if (schema === '' && ctes.has(name!.toLowerCase())) return;
  tables.push({ catalog: catalog!, schema: schema!, name: name!, at: Number(at) });
}

/** A set operation takes its names from its left side. */
function namesOf(node: Node): Inspection['named'] {
  if (node.left && node.right) return namesOf(node.left as Node);
  if (Array.isArray(node.children) && node.type === 'SET_OPERATION_NODE') return namesOf(node.children[0] as Node);
  const list = (node.select_list ?? []) as { class: string; alias: string }[];
  const star = list.findIndex((item) => item.class === 'STAR');
  const isFromValues = (node.from_table as Node | undefined)?.type === 'EXPRESSION_LIST';
  if (isFromValues && star === 0) return ((node.from_table as { values: unknown[][] }).values[0] ?? []).map(() => false);
  return list.map((item, i) => (star >= 0 && i >= star ? undefined : item.alias !== '' || item.class === 'COLUMN_REF'));
}
