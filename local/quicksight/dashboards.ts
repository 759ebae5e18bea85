import type {
  CreateDashboardRequest,
  CreateDashboardResponse,
  DashboardSummary,
  DashboardVersion,
  DeleteDashboardRequest,
  DeleteDashboardResponse,
  DescribeDashboardDefinitionRequest,
  DescribeDashboardDefinitionResponse,
  DescribeDashboardRequest,
  DescribeDashboardResponse,
  ListDashboardsRequest,
  ListDashboardsResponse,
  ListDashboardVersionsRequest,
  ListDashboardVersionsResponse,
  ResourceStatus,
  UpdateDashboardPublishedVersionRequest,
  UpdateDashboardPublishedVersionResponse,
  UpdateDashboardRequest,
  UpdateDashboardResponse,
} from '@aws-sdk/client-quicksight';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { assetArn, checkName, type Dashboard, dashboards, found, newAsset, page, statusOf, type Version } from './assets.ts';
import { checked } from './definitions.ts';

export const createDashboard: Operation<CreateDashboardRequest, CreateDashboardResponse> = (input, aws) => {
  const { DashboardId: id = '' } = input;
  const asset = newAsset(aws, 'dashboard', { ...input, id });
  const version = newVersion(aws, 1, input);
  dashboards(aws).set(id, { ...asset, versions: [version], published: 1, publishedAt: asset.created });
  aws.begins('dashboard version', id);
  return { ...made(aws, id, 1), CreationStatus: 'CREATION_IN_PROGRESS', Status: 202 };
};

export const describeDashboard: Operation<DescribeDashboardRequest, DescribeDashboardResponse> = (input, aws) => {
  const dashboard = dashboardOf(aws, input.DashboardId);
  const version = versionOf(aws, dashboard, input);
  return {
    Dashboard: {
      DashboardId: dashboard.id,
      Arn: assetArn(aws, 'dashboard', dashboard.id),
      Name: dashboard.name,
      Version: described(aws, dashboard, version),
      CreatedTime: dashboard.created,
      LastPublishedTime: dashboard.publishedAt,
      LastUpdatedTime: dashboard.updated,
    },
  };
};

export const describeDashboardDefinition: Operation<DescribeDashboardDefinitionRequest, DescribeDashboardDefinitionResponse> = (
  input,
  aws,
) => {
  const dashboard = dashboardOf(aws, input.DashboardId);
  const version = versionOf(aws, dashboard, input);
  const { Status, Errors } = described(aws, dashboard, version);
  return {
    DashboardId: dashboard.id,
    Name: dashboard.name,
    ResourceStatus: Status,
    Errors,
    Definition: version.definition,
    DashboardPublishOptions: version.options,
  };
};

export const updateDashboard: Operation<UpdateDashboardRequest, UpdateDashboardResponse> = (input, aws) => {
  const { DashboardId: id = '', Name: name } = input;
  const dashboard = dashboardOf(aws, id);
  checkName(name);
  const version = newVersion(aws, dashboard.versions.at(-1)!.number + 1, input);
  dashboards(aws).set(id, { ...dashboard, name: name!, updated: version.created, versions: [...dashboard.versions, version] });
  aws.begins('dashboard version', id);
  return { ...made(aws, id, version.number), CreationStatus: 'CREATION_IN_PROGRESS', Status: 202 };
};

export const updateDashboardPublishedVersion: Operation<UpdateDashboardPublishedVersionRequest, UpdateDashboardPublishedVersionResponse> = (
  input,
  aws,
) => {
  const dashboard = dashboardOf(aws, input.DashboardId);
  const version = versionOf(aws, dashboard, input);
  if (versionStatus(aws, dashboard.id, version) !== 'CREATION_SUCCESSFUL')
    throw awsError(
      'ConflictException',
      `Version ${version.number} of dashboard ${dashboard.id} is ${versionStatus(aws, dashboard.id, version)} and cannot be published.`,
    );
  dashboards(aws).set(dashboard.id, { ...dashboard, published: version.number, publishedAt: new Date(aws.now()) });
  return { DashboardId: dashboard.id, DashboardArn: assetArn(aws, 'dashboard', dashboard.id) };
};

export const deleteDashboard: Operation<DeleteDashboardRequest, DeleteDashboardResponse> = (
  { DashboardId: id, VersionNumber: number },
  aws,
) => {
  const dashboard = dashboardOf(aws, id);
  if (number === undefined) dashboards(aws).delete(dashboard.id);
  else {
    const { number: unwanted } = versionOf(aws, dashboard, { VersionNumber: number });
    if (unwanted === dashboard.published)
      throw awsError('ConflictException', `Version ${unwanted} is published and cannot be deleted alone.`);
    dashboards(aws).set(dashboard.id, { ...dashboard, versions: dashboard.versions.filter((each) => each.number !== unwanted) });
  }
  return { Arn: assetArn(aws, 'dashboard', dashboard.id), DashboardId: dashboard.id };
};

export const listDashboards: Operation<ListDashboardsRequest, ListDashboardsResponse> = (input, aws) => {
  const { items, NextToken } = page(dashboards(aws).values(), input);
  const summaries = items.map(
    ({ id, name, created, updated, published, publishedAt }): DashboardSummary => ({
      Arn: assetArn(aws, 'dashboard', id),
      DashboardId: id,
      Name: name,
      CreatedTime: created,
      LastUpdatedTime: updated,
      PublishedVersionNumber: published,
      LastPublishedTime: publishedAt,
    }),
  );
  return { DashboardSummaryList: summaries, NextToken };
};

export const listDashboardVersions: Operation<ListDashboardVersionsRequest, ListDashboardVersionsResponse> = (
  { DashboardId: id, ...input },
  aws,
) => {
  const dashboard = dashboardOf(aws, id);
  const { items, NextToken } = page([...dashboard.versions].reverse(), input);
  const summaries = items.map((version) => {
    const { Arn, CreatedTime, VersionNumber, Status, Description } = described(aws, dashboard, version);
    return { Arn, CreatedTime, VersionNumber, Status, Description };
  });
  return { DashboardVersionSummaryList: summaries, NextToken };
};

/** The dashboard, or ResourceNotFoundException. */
export const dashboardOf = (aws: Aws, id: string | undefined): Readonly<Dashboard> => found(aws, 'dashboard', dashboards(aws), id);

/** The version asked for by number or alias, else the published one; or ResourceNotFoundException. */
export function versionOf(
  aws: Aws,
  dashboard: Readonly<Dashboard>,
  { VersionNumber: number, AliasName: alias }: { VersionNumber?: number; AliasName?: string },
): Version {
  const wanted = number ?? (alias === '$LATEST' ? dashboard.versions.at(-1)!.number : dashboard.published);
  const version = dashboard.versions.find((each) => each.number === wanted);
  if (!version)
    throw awsError('ResourceNotFoundException', `Version ${wanted} of dashboard ${assetArn(aws, 'dashboard', dashboard.id)} is not found`, {
      ResourceType: 'DASHBOARD',
    });
  return version;
}

const newVersion = (aws: Aws, number: number, input: CreateDashboardRequest | UpdateDashboardRequest): Version => ({
  number,
  created: new Date(aws.now()),
  description: input.VersionDescription,
  options: input.DashboardPublishOptions,
  ...checked(aws, input),
});

const versionArn = (aws: Aws, id: string, number: number) => `${assetArn(aws, 'dashboard', id)}/version/${number}`;
const made = (aws: Aws, id: string, number: number) => ({
  Arn: assetArn(aws, 'dashboard', id),
  VersionArn: versionArn(aws, id, number),
  DashboardId: id,
});
const versionStatus = (aws: Aws, id: string, { created, isValid }: Version): ResourceStatus =>
  statusOf(aws, aws.takes('dashboard version', id), 'CREATION', created, isValid);

function described(aws: Aws, { id }: Readonly<Dashboard>, version: Version): DashboardVersion {
  const status = versionStatus(aws, id, version);
  return {
    Arn: versionArn(aws, id, version.number),
    VersionNumber: version.number,
    CreatedTime: version.created,
    Status: status,
    Errors: version.errors.length > 0 && status !== 'CREATION_IN_PROGRESS' ? version.errors : undefined,
    Description: version.description,
    DataSetArns: version.definition.DataSetIdentifierDeclarations?.map(({ DataSetArn }) => DataSetArn!),
    Sheets: version.definition.Sheets?.map(({ SheetId, Name }) => ({ SheetId, Name })),
  };
}
