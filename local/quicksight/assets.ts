import { randomUUID } from 'node:crypto';
import type {
  AnalysisDefinition,
  DashboardError,
  DashboardPublishOptions,
  DashboardVersionDefinition,
  DataSetImportMode,
  DataSourceErrorInfo,
  DataSourceParameters,
  DataSourceType,
  Ingestion,
  LogicalTable,
  PhysicalTable,
  ResourcePermission,
  ResourceStatus,
  Tag,
} from '@aws-sdk/client-quicksight';
import { type Aws, arn, awsError } from '../aws.ts';
import type { Table } from '../journal.ts';

/** What every asset has. Grants are whole sets of actions by principal. */
export interface Asset {
  id: string;
  name: string;
  created: Date;
  updated: Date;
  permissions: ResourcePermission[];
  tags: Tag[];
}

export interface DataSource extends Asset {
  type: DataSourceType;
  parameters: DataSourceParameters;
  /** What the last test connection found wrong. */
  error?: DataSourceErrorInfo;
}

export interface DataSet extends Asset {
  importMode: DataSetImportMode;
  physicalTables: Record<string, PhysicalTable>;
  logicalTables?: Record<string, LogicalTable>;
  /** What SPICE holds: the file of the last completed ingestion, relative to `<aws.dir>/quicksight`. */
  spice?: { file: string; bytes: number; rows: number; ingested: Date };
}

/** An ingestion; its key in the table is `<data set>/<ingestion>`. */
export type StoredIngestion = Ingestion & { IngestionId: string; dataSetId: string; CreatedTime: Date };

export interface Analysis extends Asset {
  definition: AnalysisDefinition;
  errors: DashboardError[];
  isValid: boolean;
  /** When it goes for good; until then it can be restored. */
  deletion?: Date;
}

export interface Version {
  number: number;
  created: Date;
  description?: string;
  definition: DashboardVersionDefinition;
  options?: DashboardPublishOptions;
  errors: DashboardError[];
  isValid: boolean;
}

export interface Dashboard extends Asset {
  /** Who may see it by its link. */
  linkPermissions?: ResourcePermission[];
  versions: Version[];
  published: number;
  publishedAt: Date;
}

export const dataSources = (aws: Aws) => aws.journal.table<DataSource>('quicksight.data-sources');
export const dataSets = (aws: Aws) => aws.journal.table<DataSet>('quicksight.data-sets');
export const ingestions = (aws: Aws) => aws.journal.table<StoredIngestion>('quicksight.ingestions');
export const analyses = (aws: Aws) => aws.journal.table<Analysis>('quicksight.analyses');
export const dashboards = (aws: Aws) => aws.journal.table<Dashboard>('quicksight.dashboards');

/** The kinds of asset by the word their ARNs carry. */
export const KINDS = {
  datasource: { label: 'DataSource', table: dataSources },
  dataset: { label: 'DataSet', table: dataSets },
  analysis: { label: 'Analysis', table: analyses },
  dashboard: { label: 'Dashboard', table: dashboards },
} as const satisfies Record<string, { label: string; table: (aws: Aws) => { has(id: string): boolean } }>;

export type Kind = keyof typeof KINDS;

/** What the ARN of every asset begins with. */
export const arnPrefix = (aws: Aws): string => arn(aws, 'quicksight', '');

/** The ARN of an asset. */
export const assetArn = (aws: Aws, kind: Kind, id: string): string => `${arnPrefix(aws)}${kind}/${id}`;

/** The asset, or ResourceNotFoundException. */
export function found<A extends Asset>(aws: Aws, kind: Kind, table: Table<A>, id = ''): Readonly<A> {
  const asset = table.get(id);
  if (!asset)
    throw awsError('ResourceNotFoundException', `${KINDS[kind].label} ${assetArn(aws, kind, id)} is not found`, {
      ResourceType: kind.toUpperCase(),
    });
  return asset;
}

/** What every new asset starts as; throws on a taken or malformed id and on a malformed name. */
export function newAsset(
  aws: Aws,
  kind: Kind,
  {
    id = '',
    Name: name = '',
    Permissions: permissions = [],
    Tags: tags = [],
  }: { id?: string; Name?: string; Permissions?: ResourcePermission[]; Tags?: Tag[] },
): Asset {
  if (!/^[\w-]{1,512}$/.test(id))
    throw awsError('InvalidParameterValueException', `${KINDS[kind].label}Id '${id}' must match [\\w\\-]{1,512}.`);
  checkName(name);
  if (KINDS[kind].table(aws).has(id))
    throw awsError('ResourceExistsException', `${KINDS[kind].label} ${assetArn(aws, kind, id)} already exists`, {
      ResourceType: kind.toUpperCase(),
    });
  const now = new Date(aws.now());
  return { id, name, created: now, updated: now, permissions, tags };
}

/** Throws on a name that QuickSight does not take. */
export function checkName(name: string | undefined): void {
  if (name === undefined || name.length < 1 || name.length > 128)
    throw awsError('InvalidParameterValueException', `Name '${name ?? ''}' must be 1 to 128 characters long.`);
}

/** `<verb>_IN_PROGRESS` until `takes` milliseconds have passed since `since`, then how it came out. */
export function statusOf(aws: Aws, takes: number, verb: 'CREATION' | 'UPDATE', since: Date, isGood: boolean): ResourceStatus {
  if (aws.now() - since.getTime() < takes) return `${verb}_IN_PROGRESS`;
  return `${verb}_${isGood ? 'SUCCESSFUL' : 'FAILED'}`;
}

/** CREATION or UPDATE: what the asset last went through. */
export const lastVerb = ({ created, updated }: Pick<Asset, 'created' | 'updated'>) => (updated > created ? 'UPDATE' : 'CREATION');

/** One page of `all`, with the token of the next. */
export function page<Item>(
  all: Item[],
  { NextToken: token, MaxResults: size = 100 }: { NextToken?: string; MaxResults?: number },
): { items: Item[]; NextToken?: string } {
  const from = token === undefined ? 0 : Number(Buffer.from(token, 'base64url').toString());
  if (!Number.isInteger(from) || from < 0) throw awsError('InvalidNextTokenException', 'The NextToken value is not valid.');
  const end = from + size;
  return { items: all.slice(from, end), NextToken: end < all.length ? Buffer.from(String(end)).toString('base64url') : undefined };
}

/** An id as QuickSight makes them. */
export const newId = (): string => randomUUID();
