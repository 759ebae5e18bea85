import type {
  DescribeAnalysisPermissionsResponse,
  DescribeDashboardPermissionsResponse,
  DescribeDataSetPermissionsResponse,
  DescribeDataSourcePermissionsResponse,
  ResourcePermission,
  UpdateAnalysisPermissionsRequest,
  UpdateDashboardPermissionsRequest,
  UpdateDataSetPermissionsRequest,
  UpdateDataSourcePermissionsRequest,
} from '@aws-sdk/client-quicksight';
import { type Aws, awsError, type Operation } from '../aws.ts';
import type { Table } from '../journal.ts';
import { type Asset, analyses, assetArn, type Dashboard, dashboards, dataSets, dataSources, found, type Kind } from './assets.ts';

interface Change {
  GrantPermissions?: ResourcePermission[];
  RevokePermissions?: ResourcePermission[];
}

export const describeDataSourcePermissions: Operation<{ DataSourceId?: string }, DescribeDataSourcePermissionsResponse> = (
  { DataSourceId: id },
  aws,
) => ({
  DataSourceId: id,
  DataSourceArn: assetArn(aws, 'datasource', id!),
  Permissions: found(aws, 'datasource', dataSources(aws), id).permissions,
});

export const describeDataSetPermissions: Operation<{ DataSetId?: string }, DescribeDataSetPermissionsResponse> = (
  { DataSetId: id },
  aws,
) => ({
  DataSetId: id,
  DataSetArn: assetArn(aws, 'dataset', id!),
  Permissions: found(aws, 'dataset', dataSets(aws), id).permissions,
});

export const describeAnalysisPermissions: Operation<{ AnalysisId?: string }, DescribeAnalysisPermissionsResponse> = (
  { AnalysisId: id },
  aws,
) => ({
  AnalysisId: id,
  AnalysisArn: assetArn(aws, 'analysis', id!),
  Permissions: found(aws, 'analysis', analyses(aws), id).permissions,
});

export const describeDashboardPermissions: Operation<{ DashboardId?: string }, DescribeDashboardPermissionsResponse> = (
  { DashboardId: id },
  aws,
) => ({
  DashboardId: id,
  DashboardArn: assetArn(aws, 'dashboard', id!),
  Permissions: found(aws, 'dashboard', dashboards(aws), id).permissions,
  ...byLink(found(aws, 'dashboard', dashboards(aws), id)),
});

const byLink = ({ linkPermissions: Permissions = [] }: Dashboard) =>
  Permissions.length === 0 ? {} : { LinkSharingConfiguration: { Permissions } };

export const updateDataSourcePermissions: Operation<UpdateDataSourcePermissionsRequest, DescribeDataSourcePermissionsResponse> = (
  input,
  aws,
) => {
  update(aws, 'datasource', dataSources(aws), input.DataSourceId, input);
  return describeDataSourcePermissions(input, aws);
};

export const updateDataSetPermissions: Operation<UpdateDataSetPermissionsRequest, DescribeDataSetPermissionsResponse> = (input, aws) => {
  update(aws, 'dataset', dataSets(aws), input.DataSetId, input);
  return describeDataSetPermissions(input, aws);
};

export const updateAnalysisPermissions: Operation<UpdateAnalysisPermissionsRequest, DescribeAnalysisPermissionsResponse> = (input, aws) => {
  update(aws, 'analysis', analyses(aws), input.AnalysisId, input);
  return describeAnalysisPermissions(input, aws);
};

export const updateDashboardPermissions: Operation<UpdateDashboardPermissionsRequest, DescribeDashboardPermissionsResponse> = (
  input,
  aws,
) => {
  update(aws, 'dashboard', dashboards(aws), input.DashboardId, input);
  const { GrantLinkPermissions, RevokeLinkPermissions } = input;
  const dashboard = found(aws, 'dashboard', dashboards(aws), input.DashboardId);
  const change = { GrantPermissions: GrantLinkPermissions, RevokePermissions: RevokeLinkPermissions };
  dashboards(aws).set(dashboard.id, { ...dashboard, linkPermissions: changed(dashboard.linkPermissions ?? [], change) });
  return describeDashboardPermissions(input, aws);
};

function update<A extends Asset>(aws: Aws, kind: Kind, table: Table<A>, id: string | undefined, change: Change): void {
  const asset = found(aws, kind, table, id);
  table.set(asset.id, { ...asset, permissions: changed(asset.permissions, change) });
}

/** A grant sets a principal's actions anew; a revocation takes single actions, and with the last one the principal. */
function changed(
  permissions: ResourcePermission[],
  { GrantPermissions: grants = [], RevokePermissions: revocations = [] }: Change,
): ResourcePermission[] {
  const byPrincipal = new Map(permissions.map(({ Principal: principal = '', Actions: actions = [] }) => [principal, actions]));
  for (const { Principal: principal = '', Actions: actions = [] } of grants) {
    if (!/^arn:aws:quicksight:[a-z0-9-]+:\d{12}:(user|group|namespace)\//.test(principal))
      throw awsError('InvalidParameterValueException', `Invalid principals given: ${principal}`);
    byPrincipal.set(principal, actions);
  }
  for (const { Principal: principal = '', Actions: actions = [] } of revocations) {
    const left = (byPrincipal.get(principal) ?? []).filter((action) => !actions.includes(action));
    if (left.length > 0) byPrincipal.set(principal, left);
    else byPrincipal.delete(principal);
  }
  return [...byPrincipal].map(([Principal, Actions]) => ({ Principal, Actions }));
}
