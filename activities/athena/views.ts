import { createHash } from 'node:crypto';
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
import { pages } from '../pages.ts';
import type { Difference, Found, Resource } from '../resource.ts';
import { type Statement, statements } from '../sql.ts';
import { storedQuery } from './deployed-view.ts';
import { runQuery } from './run-query.ts';

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
  const allTables = (DatabaseName: string): Promise<Table[]> =>
    pages(
      (NextToken) => glue.send(new GetTablesCommand({ DatabaseName, NextToken })),
      ({ TableList = [] }) => TableList,
      ({ NextToken }) => NextToken,
    );
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

  /** CREATE OR REPLACE may run twice, so that each attempt asks anew. */
  async function run(pipeline: Pipeline, { name, text }: Statement): Promise<void> {
    const query = { text: text.replace(/^(--.*\n)+/, ''), within: DDL_MS, what: `view ${name}` };
    const { Status } = await runQuery(athena, pipeline, query);
    if (Status?.State !== 'SUCCEEDED') throw new Error(`view ${name} ended as ${Status?.State}: ${Status?.StateChangeReason}`);
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
}

/** True for a view that was made of this text, and that nobody has changed since. */
const isMade = ({ Parameters = {}, ViewOriginalText = '' }: Table, { text }: Statement): boolean =>
  Parameters[SQL_HASH] === hashOf(text) && Parameters[MADE_HASH] === hashOf(ViewOriginalText);

/** The query of a view, without the words around it. */
const queryOf = ({ text }: Statement): string => text.replace(/^(--.*\n)*CREATE OR REPLACE VIEW \S+ AS\s+/, '');

/** The query that Athena stored; where it is ours, that nobody knows it is. */
function shown(table: Table, view: Statement): string {
  const query = storedQuery(table) ?? 'no view of Athena';
  return query === queryOf(view) ? 'not known to be made of our text' : query;
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');
