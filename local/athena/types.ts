import { type HiveType, primitive } from '../glue/hive-type.ts';

const TO_DUCKDB: Record<string, string> = {
  boolean: 'BOOLEAN',
  tinyint: 'TINYINT',
  smallint: 'SMALLINT',
  int: 'INTEGER',
  bigint: 'BIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  string: 'VARCHAR',
  binary: 'BLOB',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
  void: 'VARCHAR',
};

const FROM_DUCKDB: Record<string, string> = {
  ...Object.fromEntries(
    Object.entries(TO_DUCKDB)
      .filter(([hive]) => hive !== 'void')
      .map(([hive, duckdb]) => [duckdb, hive]),
  ),
  HUGEINT: 'bigint',
  UTINYINT: 'smallint',
  USMALLINT: 'int',
  UINTEGER: 'bigint',
  UBIGINT: 'bigint',
  UHUGEINT: 'bigint',
  TIMESTAMP_S: 'timestamp',
  TIMESTAMP_MS: 'timestamp',
  TIMESTAMP_NS: 'timestamp',
  'TIMESTAMP WITH TIME ZONE': 'timestamp with time zone',
  TIME: 'time',
  'TIME WITH TIME ZONE': 'time with time zone',
  INTERVAL: 'interval day to second',
  JSON: 'json',
  UUID: 'uuid',
  '"NULL"': 'unknown',
};

const TO_TRINO: Record<string, string> = { string: 'varchar', int: 'integer', float: 'real', binary: 'varbinary' };

/** DuckDB's text for a type of the catalog; `keyOf` gives the name a struct's field has in the data. Throws on a type DuckDB has not. */
export function duckdbType(type: HiveType, keyOf: (name: string) => string = (name) => name): string {
  if (type.kind === 'array') return `${duckdbType(type.of, keyOf)}[]`;
  if (type.kind === 'map') return `MAP(${duckdbType(type.key, keyOf)}, ${duckdbType(type.value, keyOf)})`;
  if (type.kind === 'struct')
    return `STRUCT(${type.fields.map((field) => `${identifier(keyOf(field.name))} ${duckdbType(field.type, keyOf)}`).join(', ')})`;
  if (/^decimal/.test(type.name)) return type.name === 'decimal' ? 'DECIMAL(10,0)' : type.name.toUpperCase();
  const known = TO_DUCKDB[type.name.replace(/^(varchar|char)\b.*/, 'string')];
  if (!known)
    throw new Error(`HIVE_METASTORE_ERROR: Error: type expected at the position 0 of '${type.name}' but '${type.name}' is found.`);
  return known;
}

/** The type of a result column, from DuckDB's text of it. */
export function typeOfDuckdb(text: string): HiveType {
  if (text.endsWith(']')) return { kind: 'array', of: typeOfDuckdb(text.slice(0, text.lastIndexOf('['))) };
  const inner = /^(STRUCT|MAP)\((.*)\)$/s.exec(text);
  if (inner?.[1] === 'MAP') {
    const [key = 'VARCHAR', value = 'VARCHAR'] = parts(inner[2]!);
    return { kind: 'map', key: typeOfDuckdb(key), value: typeOfDuckdb(value) };
  }
  if (inner) return { kind: 'struct', fields: parts(inner[2]!).map(fieldOf) };
  if (text.startsWith('DECIMAL')) return primitive(text.toLowerCase());
  return primitive(FROM_DUCKDB[text] ?? 'string');
}

/** Trino's text for a type: `varchar`, `row(a integer, b varchar)`. */
export function trinoType(type: HiveType): string {
  if (type.kind === 'array') return `array(${trinoType(type.of)})`;
  if (type.kind === 'map') return `map(${trinoType(type.key)}, ${trinoType(type.value)})`;
  if (type.kind === 'struct') return `row(${type.fields.map((field) => `${field.name} ${trinoType(field.type)}`).join(', ')})`;
  return TO_TRINO[type.name] ?? type.name;
}

/** The type's name as Athena's ResultSetMetadata has it, without what is inside: `row`, `array`, `decimal`. */
export const athenaType = (type: HiveType): string =>
  type.kind === 'struct' ? 'row' : type.kind === 'primitive' ? (TO_TRINO[type.name] ?? type.name).replace(/\(.*/, '') : type.kind;

/** A name as a quoted identifier. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Splits at the commas that are in no brackets and no quotes. */
function parts(text: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let start = 0;
  let isQuoted = false;
  for (let i = 0; i < text.length; i++) {
    const sign = text[i];
    if (sign === '"') isQuoted = !isQuoted;
    else if (isQuoted) continue;
    else if (sign === '(') depth++;
    else if (sign === ')') depth--;
    else if (sign === ',' && depth === 0) {
      found.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  return [...found, text.slice(start).trim()];
}

function fieldOf(text: string): { name: string; type: HiveType } {
  const [, quoted, plain, type = 'VARCHAR'] = /^(?:"((?:[^"]|"")*)"|(\S+))\s+(.*)$/s.exec(text) ?? [];
  return { name: (quoted?.replaceAll('""', '"') ?? plain ?? '').toLowerCase(), type: typeOfDuckdb(type) };
}
