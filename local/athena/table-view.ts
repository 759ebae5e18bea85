import { join } from 'node:path';
import type { Aws } from '../aws.ts';
import type { CatalogTable } from '../glue/catalog.ts';
import { type HiveType, parseHiveType } from '../glue/hive-type.ts';
import { sample } from '../glue/sample.ts';
import type { TablePart } from './table-files.ts';
import { duckdbType, identifier } from './types.ts';

/** The SELECT that reads a catalogued table in DuckDB: over exactly the given files, columns by their Glue types, partition keys behind them. */
export async function selectOf(aws: Aws, table: Readonly<CatalogTable>, parts: TablePart[]): Promise<string> {
  const columns = columnsOf(table, await writtenKeys(aws, table, parts));
  const keys = (table.PartitionKeys ?? []).map(({ Name: name = '', Type: type = 'string' }) => ({
    name,
    type: duckdbType(parseHiveType(type)),
  }));
  const full = parts.filter(({ files }) => files.length > 0);
  const inPath = full.filter((part) => isInPath(part, keys));
  const types = keys.map(({ name, type }) => `${literal(name)}: ${type}`).join(', ');
  const hive = keys.length === 0 ? '' : `, hive_partitioning = true, hive_types = {${types}}`;
  const scanned = (some: TablePart[], selected: string[], options: string) => {
    const files = some.flatMap((part) => part.files.map(({ file }) => join(aws.objects.root, file)));
    return scan(table, columns, files, selected, { options, lenient: isLenient(table, some[0]!) });
  };
  const named = keys.map(({ name }) => identifier(name));
  const selects = [
    ...full
      .filter((part) => !inPath.includes(part))
      .map((part) => {
        const constants = keys.map(({ name, type }, i) => `CAST(${literal(part.values[i] ?? '')} AS ${type}) AS ${identifier(name)}`);
        return scanned([part], constants, '');
      }),
    ...[true, false]
      .map((lenient) => inPath.filter((part) => isLenient(table, part) === lenient))
      .filter((some) => some.length > 0)
      .map((some) => scanned(some, named, hive)),
  ];
  if (selects.length > 0) return selects.join('\nUNION ALL\n');
  const nothing = [...columns.map(({ name, type }) => ({ name, type })), ...keys].map(
    ({ name, type }) => `CAST(NULL AS ${type}) AS ${identifier(name)}`,
  );
  return `SELECT ${nothing.join(', ')} WHERE false`;
}

interface ScanColumn {
  name: string;
  /** The key in the data. */
  key: string;
  type: string;
}

function columnsOf({ StorageDescriptor: storage }: Readonly<CatalogTable>, keys: WrittenKeys): ScanColumn[] {
  return (storage?.Columns ?? []).map(({ Name: name = '', Type: text = 'string' }) => {
    const type: HiveType = parseHiveType(text);
    return { name, key: keys.top.get(name) ?? name, type: duckdbType(type, (field) => keys.nested[field] ?? field) };
  });
}

interface WrittenKeys {
  top: Map<string, string>;
  nested: Record<string, string>;
}

/**
 * How the data writes the keys, which DuckDB, other than the JSON SerDe, tells apart by their case: SerDe parameters say it
 * (`mapping.<column>`, or the crawler's list `paths`); where they do not, a look into the newest file does.
 */
async function writtenKeys(aws: Aws, { StorageDescriptor: storage }: Readonly<CatalogTable>, parts: TablePart[]): Promise<WrittenKeys> {
  const { paths, ...parameters } = storage?.SerdeInfo?.Parameters ?? {};
  const mapped = Object.entries(parameters).flatMap(([name, key]): [string, string][] =>
    name.startsWith('mapping.') ? [[name.slice('mapping.'.length), key]] : [],
  );
  const newest =
    paths === undefined && isJson(storage?.SerdeInfo?.SerializationLibrary) ? parts.flatMap(({ files }) => files).at(-1) : undefined;
  const seen = newest && (await sample(aws, newest));
  const top =
    paths === undefined
      ? (seen?.columns.map(({ name, key }): [string, string] => [name, key]) ?? [])
      : paths.split(',').map((key): [string, string] => [key.toLowerCase(), key]);
  return { top: new Map([...top, ...mapped]), nested: { ...seen?.nested, ...Object.fromEntries(mapped) } };
}

const isJson = (serde = '') => /JsonSerDe/i.test(serde);

/** Whether the partition's values stand in its files' paths as DuckDB reads them there; then one scan serves all such partitions. */
const isInPath = ({ values, files }: TablePart, keys: { name: string }[]) =>
  keys.every(
    ({ name }, i) => /^[\w.-]+$/.test(values[i] ?? '') && files.every(({ file }) => `/${file}`.includes(`/${name}=${values[i]}/`)),
  );

/** Whether a line that is no JSON becomes a row of NULLs; else it fails the query. */
const isLenient = ({ StorageDescriptor: storage }: Readonly<CatalogTable>, { serde = storage?.SerdeInfo?.Parameters }: TablePart) =>
  serde?.['ignore.malformed.json']?.toLowerCase() === 'true';

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

function scan(
  { StorageDescriptor: storage, Parameters: about }: Readonly<CatalogTable>,
  columns: ScanColumn[],
  paths: string[],
  keys: string[],
  { options, lenient }: { options: string; lenient: boolean },
): string {
  const serde = storage?.SerdeInfo?.SerializationLibrary ?? '';
  const parameters = storage?.SerdeInfo?.Parameters ?? {};
  const files = `[${paths.map(literal).join(', ')}]`;
  const named = [...columns.map(({ name, key }) => `${identifier(key)} AS ${identifier(name)}`), ...keys].join(', ');
  const types = columns.map(({ key, type }) => `${literal(key)}: ${literal(type)}`).join(', ');
  if (isJson(serde) && lenient) return lenientScan(columns, keys, files, options);
  if (isJson(serde)) return `SELECT ${named} FROM read_json(${files}, format = 'newline_delimited', columns = {${types}}${options})`;
  if (/parquet/i.test(serde)) {
    const cast = [...columns.map(({ name, type }) => `CAST(${identifier(name)} AS ${type}) AS ${identifier(name)}`), ...keys].join(', ');
    return `SELECT ${cast} FROM read_parquet(${files}, union_by_name = true${options})`;
  }
  if (/LazySimpleSerDe|OpenCSVSerde/i.test(serde)) {
    const delimiter = parameters['field.delim'] ?? parameters.separatorChar ?? (/OpenCSV/i.test(serde) ? ',' : '\u0001');
    const quote = /OpenCSV/i.test(serde) ? `, quote = ${literal(parameters.quoteChar ?? '"')}` : ", quote = ''";
    const skip = Number(about?.['skip.header.line.count'] ?? 0);
    return `SELECT ${named} FROM read_csv(${files}, auto_detect = false, header = false, skip = ${skip}, delim = ${literal(delimiter)}${quote}, columns = {${types}}${options})`;
  }
  throw new Error(`HIVE_UNSUPPORTED_FORMAT: Unable to create input format for the SerDe '${serde}'.`);
}

const NUMBER = /^(TINYINT|SMALLINT|INTEGER|BIGINT|FLOAT|DOUBLE|DECIMAL\(.*\))$/;

/**
 * Reads lines as JSON first, and columns from that: DuckDB's `read_json(…, ignore_errors = true)` spoils the line after one that is cut behind a colon, and would
 * forgive numbers that are none, which the SerDe does not.
 */
function lenientScan(columns: ScanColumn[], keys: string[], files: string, options: string): string {
  const structure = Object.fromEntries(columns.map(({ key, type }) => [key, NUMBER.test(type) ? 'JSON' : type]));
  const named = columns.map(({ name, key, type }) => `CAST(line.${identifier(key)} AS ${type}) AS ${identifier(name)}`);
  const lines = `SELECT *, from_json(json, ${literal(JSON.stringify(structure))}) AS line FROM read_ndjson_objects(${files}, ignore_errors = true${options})`;
  return `SELECT ${[...named, ...keys].join(', ')} FROM (${lines})`;
}
