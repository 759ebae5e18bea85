import { createHash } from 'node:crypto';
import { GetQueryExecutionCommand, StartQueryExecutionCommand } from '@aws-sdk/client-athena';
import {
  DeleteTableCommand,
  GetTableCommand,
  GetTablesCommand,
  GetTagsCommand,
  type Table,
  UpdateTableCommand,
} from '@aws-sdk/client-glue';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { undefinedIfMissing } from '../errors.ts';
import { throughParent } from '../own-tags.ts';
import { pollUntil } from '../poll.ts';
import type { Difference, Found, Resource } from '../resource.ts';
import { type Statement, statements } from '../sql.ts';

interface Views extends Found {
  views: Table[];
}

const MISSING = 'EntityNotFoundException';
/** The table parameter that keeps the hash of our text: Athena stores a view's SQL in words of its own, so texts cannot be compared. */
const SQL_HASH = 'data2dashboard.sql';
/** And the one that keeps the hash of what Athena made of it. */
const MADE_HASH = 'data2dashboard.made';
const DDL_MS = 60_000;

/** The views of `sql/views/` over the crawled tables, owned through the lake's database. */
export function views({ athena, glue }: Clients): Resource<Views> {
  const make = async (pipeline: Pipeline, stale: Statement[]): Promise<void> => {
    await Promise.all(
      stale.map(async (view) => {
        await run(pipeline, view);
        await mark(names(pipeline).lakeDatabase, view);
      }),
    );
  };
  const label = (pipeline: Pipeline) => `Athena views of database ${names(pipeline).lakeDatabase}`;
  return {
    label,
    find: async (pipeline) => {
      const { lakeDatabase, databaseArn } = names(pipeline);
      const [tables, parent] = await Promise.all([
        undefinedIfMissing(allTables(lakeDatabase), MISSING),
        undefinedIfMissing(glue.send(new GetTagsCommand({ ResourceArn: databaseArn(lakeDatabase) })), MISSING),
      ]);
      const ours = statements(pipeline, 'views').map(({ name }) => name);
      const found = tables?.filter(({ Name = '', TableType }) => TableType === 'VIRTUAL_VIEW' && ours.includes(Name)) ?? [];
      return throughParent(label(pipeline), found.length > 0 ? { views: found } : undefined, parent && (parent.Tags ?? {}));
    },
    create: (pipeline) => make(pipeline, statements(pipeline, 'views')),
    differences: (pipeline, found) =>
      statements(pipeline, 'views').flatMap((view): Difference[] => {
        const is = found.views.find(({ Name }) => Name === view.name);
        return is && isMade(is, view) ? [] : [{ field: view.name, is: is && shown(is, view), wanted: queryOf(view) }];
      }),
    change: (pipeline, _found, differing) =>
      make(
        pipeline,
        statements(pipeline, 'views').filter(({ name }) => differing.some(({ field }) => field === name)),
      ),
    status: () => 'ready',
    remove: async (pipeline, { views: found }) => {
      for (const { Name } of found)
        await undefinedIfMissing(glue.send(new DeleteTableCommand({ DatabaseName: names(pipeline).lakeDatabase, Name })), MISSING);
    },
  };

  /** CREATE OR REPLACE may run twice, so the token that the SDK makes for each call, and keeps through its retries, is enough. */
  async function run(pipeline: Pipeline, { name, text }: Statement): Promise<void> {
    const { workgroup, lakeDatabase } = names(pipeline);
    const { QueryExecutionId } = await athena.send(
      new StartQueryExecutionCommand({
        QueryString: text.replace(/^(--.*\n)+/, ''),
        WorkGroup: workgroup,
        QueryExecutionContext: { Database: lakeDatabase },
      }),
    );
    const status = await pollUntil(
      async () => (await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }))).QueryExecution?.Status,
      (current) => current?.State !== 'QUEUED' && current?.State !== 'RUNNING',
      { within: DDL_MS, what: `view ${name}` },
    );
    if (status?.State !== 'SUCCEEDED') throw new Error(`view ${name} ended as ${status?.State}: ${status?.StateChangeReason}`);
  }

  async function mark(DatabaseName: string, view: Statement): Promise<void> {
    const { Table: table } = await glue.send(new GetTableCommand({ DatabaseName, Name: view.name }));
    const { Description, Owner, Retention, StorageDescriptor, PartitionKeys, ViewOriginalText, ViewExpandedText, TableType } = table!;
    await glue.send(
      new UpdateTableCommand({
        DatabaseName,
        SkipArchive: true,
        TableInput: {
          Name: view.name,
          Description,
          Owner,
          Retention,
          StorageDescriptor,
          PartitionKeys,
          ViewOriginalText,
          ViewExpandedText,
          TableType,
          Parameters: { ...table!.Parameters, [SQL_HASH]: hashOf(view.text), [MADE_HASH]: hashOf(ViewOriginalText ?? '') },
        },
      }),
    );
  }

  async function allTables(DatabaseName: string): Promise<Table[]> {
    const tables: Table[] = [];
    let NextToken: string | undefined;
    do {
      const page = await glue.send(new GetTablesCommand({ DatabaseName, NextToken }));
      tables.push(...(page.TableList ?? []));
      NextToken = page.NextToken;
    } while (NextToken);
    return tables;
  }
}

/** True for a view that was made of this text, and that nobody has changed since. */
const isMade = ({ Parameters = {}, ViewOriginalText = '' }: Table, { text }: Statement): boolean =>
  Parameters[SQL_HASH] === hashOf(text) && Parameters[MADE_HASH] === hashOf(ViewOriginalText);

/** The query of a view, without the words around it. */
const queryOf = ({ text }: Statement): string => text.replace(/^(--.*\n)*CREATE OR REPLACE VIEW \S+ AS\s+/, '');

/** The query that Athena stored; where it is ours, that nobody knows it is. */
function shown({ ViewOriginalText = '' }: Table, view: Statement): string {
  const [, encoded = ''] = /Presto View: ([A-Za-z0-9+/=]+)/.exec(ViewOriginalText) ?? [];
  const { originalSql = 'no view of Athena' } = JSON.parse(Buffer.from(encoded, 'base64').toString() || '{}') as { originalSql?: string };
  return originalSql === queryOf(view) ? 'not known to be made of our text' : originalSql;
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');
