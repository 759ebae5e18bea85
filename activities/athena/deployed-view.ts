import { GetTableCommand, type GlueClient, type Table } from '@aws-sdk/client-glue';
import { ApplicationFailure } from '@temporalio/common';
import { undefinedIfMissing } from '../errors.ts';

/** The query of a view as Athena keeps it in Glue; undefined when the entry is no view of Athena's. */
export function storedQuery({ ViewOriginalText = '' }: Table): string | undefined {
  const [, encoded = ''] = /Presto View: ([A-Za-z0-9+/=]+)/.exec(ViewOriginalText) ?? [];
  return (JSON.parse(Buffer.from(encoded, 'base64').toString() || '{}') as { originalSql?: string }).originalSql;
}

/**
 * The query of a view as it stands in the account, whoever made it, reading only those rows of a table for which the condition holds: Athena would look for copies in all
 * of them, since no condition passes a view that numbers rows. Fails for good if the view is not there, or does not read the table.
 */
export async function boundedView(glue: GlueClient, DatabaseName: string, Name: string, table: string, condition: string): Promise<string> {
  const found = await undefinedIfMissing(glue.send(new GetTableCommand({ DatabaseName, Name })), 'EntityNotFoundException');
  const query = found?.Table && storedQuery(found.Table);
  if (query === undefined) throw ApplicationFailure.nonRetryable(`there is no view ${DatabaseName}.${Name}`, 'NotThere');
  const bounded = reading(query, DatabaseName, table, condition);
  if (bounded === query) throw ApplicationFailure.nonRetryable(`the view ${DatabaseName}.${Name} does not read ${table}`, 'WrongView');
  return bounded;
}

/** A query with each table of that name in its FROM and JOIN replaced by the rows of it for which the condition holds. */
export function reading(query: string, database: string, table: string, condition: string): string {
  const named = new RegExp(`\\b(FROM|JOIN)(\\s+)(?:"?awsdatacatalog"?\\.)?(?:"?${database}"?\\.)?(?:"${table}"|${table}\\b)(?!\\.)`, 'gi');
  return query.replace(named, `$1$2(SELECT * FROM ${database}.${table} WHERE ${condition})`);
}
