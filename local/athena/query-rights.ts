import type { Aws } from '../aws.ts';
import { type CatalogTable, glueArns } from '../glue/catalog.ts';
import { placeOf } from '../glue/crawl.ts';
import type { Permissions } from '../iam/permissions.ts';
import { isProjected } from './projection.ts';
import type { TablePart } from './table-files.ts';

/** What Athena does in the rights of whoever asks, each thing at the moment that it comes to it; throws AWS's refusal where these do not suffice. */
export interface QueryRights {
  /** Looks into a database of the catalog. */
  database(name: string): void;
  /** Reads the entry of a table or a view. */
  table(database: string, name: string): void;
  /** Reads a table's partitions and files. */
  files(table: Readonly<CatalogTable>, parts: TablePart[]): void;
}

/** The rights of a query: what `may` allows; without it, those of the account's own user, who may do everything. */
export function queryRights(aws: Aws, may: Permissions = () => undefined): QueryRights {
  const inCatalog = (action: string, ...of: [database: string, table?: string]) => {
    for (const arn of glueArns(aws, ...of)) may(action, arn);
  };
  return {
    database: (name) => inCatalog('glue:GetDatabase', name),
    table: (database, name) => inCatalog('glue:GetTable', database, name),
    files: (table, parts) => {
      if ((table.PartitionKeys ?? []).length > 0 && !isProjected(table)) inCatalog('glue:GetPartitions', table.DatabaseName, table.Name);
      may('s3:ListBucket', `arn:aws:s3:::${placeOf(table.StorageDescriptor?.Location ?? '').bucket}`);
      for (const { files } of parts) for (const { bucket, key } of files) may('s3:GetObject', `arn:aws:s3:::${bucket}/${key}`);
    },
  };
}
