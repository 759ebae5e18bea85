import type { Column } from '@aws-sdk/client-glue';
import { hiveText, parseHiveType } from '../glue/hive-type.ts';
import { reader, type TokenReader } from './tokens.ts';
import { TrinoError } from './trino-error.ts';

/** A table's name as written; the database is missing where the query's context decides. */
export interface TableName {
  database?: string;
  table: string;
}

/** One statement of Athena's, understood as far as the local AWS runs it. */
export type Statement =
  | { kind: 'SELECT' }
  | { kind: 'CREATE_VIEW'; name: TableName; isReplacing: boolean; query: string }
  | { kind: 'DROP_VIEW' | 'DROP_TABLE'; name: TableName; mayBeMissing: boolean }
  | { kind: 'CREATE_DATABASE'; name: string; mayExist: boolean; comment?: string; location?: string }
  | { kind: 'DROP_DATABASE'; name: string; mayBeMissing: boolean; isCascade: boolean }
  | { kind: 'CREATE_TABLE'; name: TableName; mayExist: boolean; table: ExternalTable }
  | { kind: 'SHOW_DATABASES' }
  | { kind: 'SHOW_TABLES' | 'SHOW_VIEWS'; database?: string; pattern?: string }
  | { kind: 'SHOW_PARTITIONS'; name: TableName }
  | { kind: 'SHOW_COLUMNS'; name: TableName }
  | { kind: 'SHOW_CREATE_VIEW'; name: TableName }
  | { kind: 'DESCRIBE'; name: TableName }
  | { kind: 'MSCK_REPAIR'; name: TableName }
  | { kind: 'ADD_PARTITION'; name: TableName; mayExist: boolean; partitions: { spec: Record<string, string>; location?: string }[] }
  | { kind: 'DROP_PARTITION'; name: TableName; mayBeMissing: boolean; partitions: { spec: Record<string, string> }[] };

/** What CREATE EXTERNAL TABLE says. */
export interface ExternalTable {
  columns: Column[];
  partitionKeys: Column[];
  comment?: string;
  serde: string;
  serdeProperties: Record<string, string>;
  inputFormat?: string;
  outputFormat?: string;
  storedAs?: string;
  location: string;
  properties: Record<string, string>;
}

const refused = (message: string) => new TrinoError(message);

/** Tells what a text asks for; throws Athena's error for what is no statement, or none that the local AWS runs. */
export function parseStatement(sql: string): Statement {
  const read = reader(sql, refused);
  const first = read.peek();
  if (!first) throw refused('SYNTAX_ERROR: line 1:1: mismatched input <EOF>');
  if (first.text === '(' || /^(SELECT|WITH|VALUES|TABLE)$/i.test(first.text)) return { kind: 'SELECT' };
  if (read.take('CREATE')) return create(read, sql);
  if (read.take('DROP')) return drop(read);
  if (read.take('SHOW')) return show(read);
  if (read.take('DESCRIBE') || read.take('DESC')) {
    read.take('FORMATTED') || read.take('EXTENDED');
    return ended(read, { kind: 'DESCRIBE', name: tableName(read) });
  }
  if (read.take('MSCK', 'REPAIR', 'TABLE')) return ended(read, { kind: 'MSCK_REPAIR', name: tableName(read) });
  if (read.take('ALTER', 'TABLE')) return alter(read);
  if (
    /^(INSERT|UNLOAD|DELETE|UPDATE|MERGE|EXPLAIN|PREPARE|EXECUTE|DEALLOCATE|VACUUM|OPTIMIZE|ANALYZE|GRANT|REVOKE|USE|SET|CALL)$/i.test(
      first.text,
    )
  )
    throw refused(`NOT_SUPPORTED: ${first.text.toUpperCase()} is not part of the local Athena.`);
  throw refused(
    `SYNTAX_ERROR: line 1:${first.at + 1}: mismatched input '${first.text}'. Expecting: 'ALTER', 'CREATE', 'DESCRIBE', 'DROP', 'MSCK', 'SHOW', <query>`,
  );
}

function create(read: TokenReader, sql: string): Statement {
  const isReplacing = read.take('OR', 'REPLACE');
  if (read.take('VIEW')) {
    const name = tableName(read);
    read.expect('AS');
    return { kind: 'CREATE_VIEW', name, isReplacing, query: sql.slice(read.peek()?.at ?? sql.length).replace(/;\s*$/, '') };
  }
  if (read.take('DATABASE') || read.take('SCHEMA')) {
    const mayExist = read.take('IF', 'NOT', 'EXISTS');
    const name = read.name();
    const comment = read.take('COMMENT') ? read.string() : undefined;
    const location = read.take('LOCATION') ? read.string() : undefined;
    return ended(read, { kind: 'CREATE_DATABASE', name, mayExist, comment, location });
  }
  if (!read.take('EXTERNAL', 'TABLE')) {
    if (read.take('TABLE'))
      throw refused('NOT_SUPPORTED: CREATE TABLE AS and Iceberg tables are not part of the local Athena; CREATE EXTERNAL TABLE is.');
    read.fail();
  }
  const mayExist = read.take('IF', 'NOT', 'EXISTS');
  const name = tableName(read);
  return ended(read, { kind: 'CREATE_TABLE', name, mayExist, table: externalTable(read) });
}

function externalTable(read: TokenReader): ExternalTable {
  const table: ExternalTable = { columns: columns(read), partitionKeys: [], serde: '', serdeProperties: {}, location: '', properties: {} };
  for (;;) {
    if (read.take('COMMENT')) table.comment = read.string();
    else if (read.take('PARTITIONED', 'BY')) table.partitionKeys = columns(read);
    else if (read.take('ROW', 'FORMAT', 'SERDE')) table.serde = read.string();
    else if (read.take('ROW', 'FORMAT', 'DELIMITED')) table.serdeProperties['field.delim'] = delimited(read);
    else if (read.take('WITH', 'SERDEPROPERTIES')) Object.assign(table.serdeProperties, properties(read));
    else if (read.take('STORED', 'AS', 'INPUTFORMAT')) {
      table.inputFormat = read.string();
      read.expect('OUTPUTFORMAT');
      table.outputFormat = read.string();
    } else if (read.take('STORED', 'AS')) table.storedAs = read.name();
    else if (read.take('LOCATION')) table.location = read.string();
    else if (read.take('TBLPROPERTIES')) Object.assign(table.properties, properties(read));
    else return table;
  }
}

function delimited(read: TokenReader): string {
  let field = '\u0001';
  while (read.peek()?.kind === 'word' && /^(FIELDS|LINES|ESCAPED|COLLECTION|MAP|NULL)$/i.test(read.peek()!.text)) {
    const isFields = /^FIELDS$/i.test(read.next().text);
    while (read.peek()?.kind === 'word') read.next();
    const sign = read.string();
    if (isFields) field = sign === '\\t' ? '\t' : sign;
  }
  return field;
}

/** `(name type [COMMENT 'text'], …)`; a type may hold brackets of its own. */
function columns(read: TokenReader): Column[] {
  read.expect('(');
  const found: Column[] = [];
  do {
    const name = read.name();
    let type = '';
    let depth = 0;
    for (
      let token = read.peek();
      token && (depth > 0 || (token.text !== ',' && token.text !== ')' && !/^COMMENT$/i.test(token.text)));
      token = read.peek()
    ) {
      if (/[<(]/.test(token.text)) depth++;
      if (/[>)]/.test(token.text)) depth--;
      type += read.next().text;
    }
    const comment = read.take('COMMENT') ? read.string() : undefined;
    found.push({ Name: name, Type: checkedType(type), ...(comment !== undefined && { Comment: comment }) });
  } while (read.take(','));
  read.expect(')');
  return found;
}

function checkedType(text: string): string {
  try {
    return hiveText(parseHiveType(text));
  } catch (error) {
    throw refused(`FAILED: SemanticException ${(error as Error).message}`);
  }
}

function properties(read: TokenReader): Record<string, string> {
  read.expect('(');
  const found: Record<string, string> = {};
  do {
    const key = read.string();
    read.expect('=');
    found[key] = read.string();
  } while (read.take(','));
  read.expect(')');
  return found;
}

function drop(read: TokenReader): Statement {
  if (read.take('DATABASE') || read.take('SCHEMA')) {
    const mayBeMissing = read.take('IF', 'EXISTS');
    const name = read.name();
    const isCascade = read.take('CASCADE');
    if (!isCascade) read.take('RESTRICT');
    return ended(read, { kind: 'DROP_DATABASE', name, mayBeMissing, isCascade });
  }
  const kind = read.take('VIEW') ? 'DROP_VIEW' : read.take('TABLE') ? 'DROP_TABLE' : read.fail();
  const mayBeMissing = read.take('IF', 'EXISTS');
  return ended(read, { kind, name: tableName(read), mayBeMissing });
}

function show(read: TokenReader): Statement {
  if (read.take('DATABASES') || read.take('SCHEMAS')) return ended(read, { kind: 'SHOW_DATABASES' });
  if (read.take('PARTITIONS')) return ended(read, { kind: 'SHOW_PARTITIONS', name: tableName(read) });
  if (read.take('CREATE', 'VIEW')) return ended(read, { kind: 'SHOW_CREATE_VIEW', name: tableName(read) });
  if (read.take('COLUMNS')) {
    if (!read.take('IN')) read.expect('FROM');
    return ended(read, { kind: 'SHOW_COLUMNS', name: tableName(read) });
  }
  const kind = read.take('TABLES') ? 'SHOW_TABLES' : read.take('VIEWS') ? 'SHOW_VIEWS' : undefined;
  if (!kind) throw refused('NOT_SUPPORTED: This SHOW is not part of the local Athena.');
  const database = read.take('IN') || read.take('FROM') ? read.name() : undefined;
  read.take('LIKE');
  const pattern = read.peek()?.kind === 'string' ? read.string() : undefined;
  return ended(read, { kind, database, pattern });
}

function alter(read: TokenReader): Statement {
  const name = tableName(read);
  if (read.take('ADD')) {
    const mayExist = read.take('IF', 'NOT', 'EXISTS');
    const partitions: { spec: Record<string, string>; location?: string }[] = [];
    while (read.take('PARTITION')) partitions.push({ spec: spec(read), location: read.take('LOCATION') ? read.string() : undefined });
    if (partitions.length > 0) return ended(read, { kind: 'ADD_PARTITION', name, mayExist, partitions });
  } else if (read.take('DROP')) {
    const mayBeMissing = read.take('IF', 'EXISTS');
    const partitions: { spec: Record<string, string> }[] = [];
    do {
      if (read.take('PARTITION')) partitions.push({ spec: spec(read) });
    } while (read.take(','));
    if (partitions.length > 0) return ended(read, { kind: 'DROP_PARTITION', name, mayBeMissing, partitions });
  }
  throw refused('NOT_SUPPORTED: Of ALTER TABLE the local Athena has ADD PARTITION and DROP PARTITION.');
}

function spec(read: TokenReader): Record<string, string> {
  read.expect('(');
  const found: Record<string, string> = {};
  do {
    const key = read.name();
    read.expect('=');
    found[key] = read.next().text;
  } while (read.take(','));
  read.expect(')');
  return found;
}

/** `table`, `database.table` or `awsdatacatalog.database.table`. */
function tableName(read: TokenReader): TableName {
  const names = [read.name()];
  while (read.take('.')) names.push(read.name());
  if (names.length > 3 || (names.length === 3 && names[0] !== 'awsdatacatalog'))
    throw refused(`CATALOG_NOT_FOUND: Catalog '${names[0]}' does not exist`);
  return { table: names.at(-1)!, database: names.at(-2) };
}

function ended<Any extends Statement>(read: TokenReader, statement: Any): Any {
  read.end();
  return statement;
}
