import type { Aws } from '../aws.ts';
import { databases, partitionsOf, tablesOf } from '../glue/catalog.ts';
import { primitive } from '../glue/hive-type.ts';
import {
  addPartitions,
  createDatabase,
  createTable,
  createView,
  drop,
  dropDatabase,
  dropPartitions,
  entryOf,
  existing,
  repair,
} from './data-definition.ts';
import { type QueryResult, runQuery } from './run.ts';
import { parseStatement, type Statement } from './statement.ts';
import { TrinoError } from './trino-error.ts';
import { viewOf } from './view-text.ts';

/** What a statement gave. A query's result is a table with a header; a SHOW's is lines of text; a definition's is empty. */
export type StatementResult = QueryResult & { form: 'csv' | 'txt' };

/** `DML`, `DDL` or `UTILITY`, as QueryExecution has it. */
export const statementType = ({ kind }: Statement): 'DML' | 'DDL' | 'UTILITY' =>
  kind === 'SELECT' ? 'DML' : /^(SHOW|DESCRIBE)/.test(kind) ? 'UTILITY' : 'DDL';

/** Runs one statement of Athena's; throws a `TrinoError`, or the signal's reason. */
export async function runStatement(
  aws: Aws,
  sql: string,
  { database, signal }: { database: string; signal?: AbortSignal },
): Promise<StatementResult> {
  const statement = parseStatement(sql);
  if (statement.kind === 'SELECT') return { ...(await runQuery(aws, sql, { database, signal })), form: 'csv' };
  switch (statement.kind) {
    case 'CREATE_VIEW':
      await createView(aws, statement, database, signal);
      break;
    case 'DROP_VIEW':
    case 'DROP_TABLE':
      drop(aws, statement, database);
      break;
    case 'CREATE_DATABASE':
      createDatabase(aws, statement);
      break;
    case 'DROP_DATABASE':
      dropDatabase(aws, statement);
      break;
    case 'CREATE_TABLE':
      createTable(aws, statement, database);
      break;
    case 'ADD_PARTITION':
      addPartitions(aws, statement, database);
      break;
    case 'DROP_PARTITION':
      dropPartitions(aws, statement, database);
      break;
    default:
      return shown(aws, statement, database);
  }
  return lines([], []);
}

type Shown = Exclude<
  Statement,
  {
    kind:
      | 'SELECT'
      | 'CREATE_VIEW'
      | 'DROP_VIEW'
      | 'DROP_TABLE'
      | 'CREATE_DATABASE'
      | 'DROP_DATABASE'
      | 'CREATE_TABLE'
      | 'ADD_PARTITION'
      | 'DROP_PARTITION';
  }
>;

function shown(aws: Aws, statement: Shown, context: string): StatementResult {
  switch (statement.kind) {
    case 'MSCK_REPAIR':
      return lines([], repair(aws, statement, context));
    case 'SHOW_DATABASES':
      return lines(['database_name'], databases(aws).keys().sort());
    case 'SHOW_TABLES':
    case 'SHOW_VIEWS': {
      const wanted = patternOf(statement.pattern);
      const all = tablesOf(aws, existing(aws, statement.database ?? context)).filter(
        ({ TableType: type }) => statement.kind === 'SHOW_TABLES' || type === 'VIRTUAL_VIEW',
      );
      return lines([statement.kind === 'SHOW_TABLES' ? 'tab_name' : 'views'], all.map(({ Name: name }) => name).filter(wanted));
    }
    case 'SHOW_PARTITIONS': {
      const table = entryOf(aws, statement.name, context);
      const keys = (table.PartitionKeys ?? []).map(({ Name: key }) => key);
      if (keys.length === 0)
        throw new TrinoError(
          `FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. Table ${table.Name} is not a partitioned table`,
        );
      return lines(
        ['partition'],
        partitionsOf(aws, table).map(({ Values: values }) => values.map((value, i) => `${keys[i]}=${value}`).join('/')),
      );
    }
    case 'SHOW_COLUMNS': {
      const { StorageDescriptor: storage, PartitionKeys: keys = [] } = entryOf(aws, statement.name, context);
      return lines(
        ['field'],
        [...(storage?.Columns ?? []), ...keys].map(({ Name: name = '' }) => name.padEnd(20)),
      );
    }
    case 'SHOW_CREATE_VIEW': {
      const entry = entryOf(aws, statement.name, context);
      if (entry.TableType !== 'VIRTUAL_VIEW')
        throw new TrinoError(
          `NOT_SUPPORTED: line 1:1: Relation 'awsdatacatalog.${entry.DatabaseName}.${entry.Name}' is a table, not a view`,
        );
      return lines(['create view'], [`CREATE VIEW ${entry.DatabaseName}.${entry.Name} AS`, ...viewOf(entry).originalSql.split('\n')]);
    }
    case 'DESCRIBE':
      return describe(aws, statement, context);
  }
}

function describe(aws: Aws, { name }: { name: { database?: string; table: string } }, context: string): StatementResult {
  const { StorageDescriptor: storage, PartitionKeys: keys = [] } = entryOf(aws, name, context);
  const line = (...cells: string[]) => cells.map((cell) => cell.padEnd(20)).join('\t');
  const rows = [...(storage?.Columns ?? []), ...keys].map(({ Name: column = '', Type: type = '', Comment: comment = '' }) =>
    line(column, type, comment),
  );
  const partitioned = keys.map(({ Name: column = '', Type: type = '', Comment: comment = '' }) => line(column, type, comment));
  const heading = ['\t \t ', '# Partition Information\t \t ', line('# col_name', 'data_type', 'comment'), '\t \t '];
  return lines(['col_name', 'data_type', 'comment'], keys.length === 0 ? rows : [...rows, ...heading, ...partitioned]);
}

const lines = (names: string[], rows: string[]): StatementResult => ({
  columns: names.map((name) => ({ name, type: primitive('string') })),
  rows: rows.map((row) => [row]),
  bytesScanned: 0,
  form: 'txt',
});

/** SHOW TABLES' pattern: `*` stands for any text, `|` for or. */
function patternOf(pattern: string | undefined): (name: string) => boolean {
  if (pattern === undefined) return () => true;
  const forms = pattern.split('|').map(
    (form) =>
      new RegExp(
        `^${form
          .toLowerCase()
          .replace(/[.+?^${}()[\]\\]/g, '\\$&')
          .replace(/\*+/g, '[^]*')}$`,
      ),
  );
  return (name) => forms.some((form) => form.test(name));
}
