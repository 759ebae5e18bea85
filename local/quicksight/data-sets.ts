import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  CreateDataSetRequest,
  CreateDataSetResponse,
  DataSetSummary,
  DeleteDataSetRequest,
  DeleteDataSetResponse,
  DescribeDataSetRequest,
  DescribeDataSetResponse,
  DataSet as Described,
  InputColumn,
  ListDataSetsRequest,
  ListDataSetsResponse,
  OutputColumn,
  UpdateDataSetRequest,
  UpdateDataSetResponse,
} from '@aws-sdk/client-quicksight';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { assetArn, checkName, type DataSet, dataSets, found, ingestions, newAsset, newId, page } from './assets.ts';
import { sourceByArn } from './data-sources.ts';
import { cancel, idle, ingest } from './ingestions.ts';

export const createDataSet: Operation<CreateDataSetRequest, CreateDataSetResponse> = (input, aws) => {
  const { DataSetId: id = '' } = input;
  const set: DataSet = { ...newAsset(aws, 'dataset', { ...input, id }), ...content(aws, input) };
  dataSets(aws).set(id, set);
  return { Arn: assetArn(aws, 'dataset', id), DataSetId: id, Status: 201, ...firstLoad(aws, set, 'INITIAL_INGESTION') };
};

export const describeDataSet: Operation<DescribeDataSetRequest, DescribeDataSetResponse> = ({ DataSetId: id }, aws) => ({
  DataSet: described(aws, dataSetOf(aws, id)),
});

export const updateDataSet: Operation<UpdateDataSetRequest, UpdateDataSetResponse> = (input, aws) => {
  const { DataSetId: id = '', Name: name = '' } = input;
  const set = dataSetOf(aws, id);
  checkName(name);
  const changed: DataSet = { ...set, name, ...content(aws, input), updated: new Date(aws.now()) };
  dataSets(aws).set(id, changed);
  return { Arn: assetArn(aws, 'dataset', id), DataSetId: id, ...firstLoad(aws, changed, 'EDIT') };
};

export const deleteDataSet: Operation<DeleteDataSetRequest, DeleteDataSetResponse> = async ({ DataSetId: id = '' }, aws) => {
  dataSetOf(aws, id);
  cancel(aws, id);
  await idle(aws, id);
  dataSets(aws).delete(id);
  for (const key of ingestions(aws).keys()) if (key.startsWith(`${id}/`)) ingestions(aws).delete(key);
  await aws.journal.commit();
  await rm(join(aws.dir, 'quicksight', id), { recursive: true, force: true });
  return { Arn: assetArn(aws, 'dataset', id), DataSetId: id };
};

export const listDataSets: Operation<ListDataSetsRequest, ListDataSetsResponse> = (input, aws) => {
  const { items, NextToken } = page(dataSets(aws).values(), input);
  const summaries = items.map((set): DataSetSummary => {
    const { Arn, DataSetId, Name, CreatedTime, LastUpdatedTime, ImportMode } = described(aws, set);
    return { Arn, DataSetId, Name, CreatedTime, LastUpdatedTime, ImportMode };
  });
  return { DataSetSummaries: summaries, NextToken };
};

/** The data set, or ResourceNotFoundException. */
export const dataSetOf = (aws: Aws, id: string | undefined) => found(aws, 'dataset', dataSets(aws), id);

/** The data set's SQL in Athena's dialect, its columns, and the ARN of the data source to ask. */
export function sourceQuery({ physicalTables }: Pick<DataSet, 'physicalTables'>): {
  sql: string;
  columns: InputColumn[];
  dataSourceArn: string;
} {
  const { CustomSql: custom, RelationalTable: table } = Object.values(physicalTables)[0]!;
  if (custom)
    return { sql: custom.SqlQuery!.trim().replace(/;$/, ''), columns: custom.Columns ?? [], dataSourceArn: custom.DataSourceArn! };
  const { Schema: schema = 'default', Name: name, InputColumns: columns = [], DataSourceArn: dataSourceArn } = table!;
  const list = columns.map((column) => quotedName(column.Name!)).join(', ');
  return { sql: `SELECT ${list} FROM ${quotedName(schema)}.${quotedName(name!)}`, columns, dataSourceArn: dataSourceArn! };
}

/** A name as an identifier of Athena's SQL. */
export const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A SPICE data set begins to load as soon as it is made or changed. */
function firstLoad(aws: Aws, set: DataSet, type: 'INITIAL_INGESTION' | 'EDIT'): { IngestionId?: string; IngestionArn?: string } {
  if (set.importMode !== 'SPICE') return {};
  const { IngestionId, Arn: IngestionArn } = ingest(aws, set, newId(), type);
  return { IngestionId, IngestionArn };
}

const ABSENT = [
  'ColumnGroups',
  'FieldFolders',
  'RowLevelPermissionDataSet',
  'RowLevelPermissionTagConfiguration',
  'ColumnLevelPermissionRules',
  'DatasetParameters',
  'DataPrepConfiguration',
  'SemanticModelConfiguration',
] as const;

function content(
  aws: Aws,
  input: CreateDataSetRequest | UpdateDataSetRequest,
): Pick<DataSet, 'importMode' | 'physicalTables' | 'logicalTables'> {
  const invalid = (message: string) => awsError('InvalidParameterValueException', message);
  for (const name of ABSENT) if (input[name] !== undefined) throw invalid(`${name} of data sets is not part of the local AWS.`);
  const { PhysicalTableMap: physicalTables = {}, LogicalTableMap: logicalTables, ImportMode: importMode = 'SPICE' } = input;
  const physical = Object.values(physicalTables);
  if (physical.length !== 1) throw invalid(`The local AWS wants exactly one physical table in a data set, not ${physical.length}.`);
  const { CustomSql: custom, RelationalTable: table } = physical[0]!;
  if (!custom && !table) throw invalid('The physical table must be CustomSql or RelationalTable.');
  for (const { DataTransforms: transforms = [], Alias: alias } of Object.values(logicalTables ?? {}))
    if (transforms.length > 0) throw invalid(`DataTransforms of logical table ${alias} are not part of the local AWS.`);
  const columns = custom ? (custom.Columns ?? []) : table!.InputColumns!;
  if (columns.length === 0) throw invalid('A data set must have at least one column.');
  const names = columns.map(({ Name: name }) => name!.toLowerCase());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice) throw invalid(`Column ${twice} is there more than once.`);
  sourceByArn(aws, (custom ?? table)!.DataSourceArn);
  return { importMode, physicalTables, logicalTables };
}

const OUTPUT_TYPE: Record<string, OutputColumn['Type']> = { INTEGER: 'INTEGER', DECIMAL: 'DECIMAL', DATETIME: 'DATETIME', BIT: 'INTEGER' };

function described(aws: Aws, set: Readonly<DataSet>): Described {
  return {
    Arn: assetArn(aws, 'dataset', set.id),
    DataSetId: set.id,
    Name: set.name,
    CreatedTime: set.created,
    LastUpdatedTime: set.updated,
    PhysicalTableMap: set.physicalTables,
    LogicalTableMap: set.logicalTables,
    OutputColumns: sourceQuery(set).columns.map(({ Name, Type }) => ({ Name, Type: OUTPUT_TYPE[Type!] ?? 'STRING' })),
    ImportMode: set.importMode,
    ConsumedSpiceCapacityInBytes: set.spice?.bytes ?? 0,
  };
}
