import type { ResourcePermission } from '@aws-sdk/client-quicksight';
import type { Pipeline } from '../../pipeline/spec.ts';
import { differences } from '../differences.ts';
import type { Difference } from '../resource.ts';

/** QuickSight knows no single permissions, only these whole sets; they are an owner's. */
const OWNER = {
  dataSource: [
    'DescribeDataSource',
    'DescribeDataSourcePermissions',
    'PassDataSource',
    'UpdateDataSource',
    'DeleteDataSource',
    'UpdateDataSourcePermissions',
  ],
  dataSet: [
    'DescribeDataSet',
    'DescribeDataSetPermissions',
    'PassDataSet',
    'DescribeIngestion',
    'ListIngestions',
    'UpdateDataSet',
    'DeleteDataSet',
    'CreateIngestion',
    'CancelIngestion',
    'UpdateDataSetPermissions',
    'PutDataSetRefreshProperties',
    'DescribeDataSetRefreshProperties',
    'DeleteDataSetRefreshProperties',
    'CreateRefreshSchedule',
    'DescribeRefreshSchedule',
    'UpdateRefreshSchedule',
    'DeleteRefreshSchedule',
    'ListRefreshSchedules',
  ],
  analysis: [
    'DescribeAnalysis',
    'QueryAnalysis',
    'RestoreAnalysis',
    'UpdateAnalysis',
    'DeleteAnalysis',
    'DescribeAnalysisPermissions',
    'UpdateAnalysisPermissions',
  ],
  dashboard: [
    'DescribeDashboard',
    'ListDashboardVersions',
    'QueryDashboard',
    'UpdateDashboard',
    'DeleteDashboard',
    'DescribeDashboardPermissions',
    'UpdateDashboardPermissions',
    'UpdateDashboardPublishedVersion',
  ],
};

/** The permissions to create an asset with: the spec's principal owns it. Undefined without one: then nobody sees the asset in the console. */
export const permissions = ({ quicksightPrincipal }: Pipeline, asset: keyof typeof OWNER): ResourcePermission[] | undefined =>
  quicksightPrincipal === undefined
    ? undefined
    : [{ Principal: quicksightPrincipal, Actions: OWNER[asset].map((action) => `quicksight:${action}`) }];

/** The field by which a difference in permissions goes. */
export const PERMISSIONS = 'Permissions';

/** What is wanted and not among the permissions that `look` reports; those of others are left alone. */
export async function ungranted(
  wanted: ResourcePermission[] | undefined,
  look: () => Promise<{ Permissions?: ResourcePermission[] }>,
): Promise<Difference[]> {
  if (wanted === undefined) return [];
  const { Permissions = [] } = await look();
  const missing = wanted.filter((each) => !Permissions.some((found) => differences(sorted(each), sorted(found)).length === 0));
  return missing.length === 0 ? [] : [{ field: PERMISSIONS, is: Permissions, wanted }];
}

/** Splits differences into whether permissions are among them, and whether anything else is. */
export const apart = (all: Difference[]): { grants: boolean; fields: boolean } => ({
  grants: all.some(({ field }) => field === PERMISSIONS),
  fields: all.some(({ field }) => field !== PERMISSIONS),
});

const sorted = ({ Principal, Actions = [] }: ResourcePermission) => ({ Principal, Actions: [...Actions].sort() });
