import type { TableInput } from '@aws-sdk/client-glue';
import type { CatalogTable } from '../glue/catalog.ts';
import { type HiveType, hiveText } from '../glue/hive-type.ts';
import { trinoType } from './types.ts';

/** A view as Athena keeps it in Glue: the text as written, and the schema its unqualified names belong to. */
export interface StoredView {
  originalSql: string;
  catalog: string;
  schema: string;
  columns: { name: string; type: string }[];
}

/** Reads the view out of a catalog entry; throws an Error if it is none that Athena wrote. */
export function viewOf({ DatabaseName: database, Name: name, ViewOriginalText: text = '' }: Readonly<CatalogTable>): StoredView {
  const [, encoded] = /^\/\* Presto View: ([A-Za-z0-9+/=]+) \*\/$/.exec(text.trim()) ?? [];
  if (encoded === undefined) throw new Error(`HIVE_INVALID_VIEW_DATA: View data missing prefix: ${database}.${name}`);
  return JSON.parse(Buffer.from(encoded, 'base64').toString()) as StoredView;
}

/** The catalog entry of a view. */
export function viewInput(name: string, view: Omit<StoredView, 'columns'> & { columns: { name: string; type: HiveType }[] }): TableInput {
  const stored: StoredView = { ...view, columns: view.columns.map((column) => ({ name: column.name, type: trinoType(column.type) })) };
  return {
    Name: name,
    Owner: 'hadoop',
    TableType: 'VIRTUAL_VIEW',
    Parameters: { presto_view: 'true', comment: 'Presto View' },
    PartitionKeys: [],
    StorageDescriptor: {
      Columns: view.columns.map((column) => ({ Name: column.name, Type: hiveText(column.type) })),
      Location: '',
      Compressed: false,
      NumberOfBuckets: 0,
      SerdeInfo: {},
      StoredAsSubDirectories: false,
    },
    ViewOriginalText: `/* Presto View: ${Buffer.from(JSON.stringify(stored)).toString('base64')} */`,
    ViewExpandedText: '/* Presto View */',
  };
}
