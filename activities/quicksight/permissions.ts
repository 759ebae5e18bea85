import type { ResourcePermission } from '@aws-sdk/client-quicksight';
import type { Pipeline } from '../../pipeline/spec.ts';
import { differences } from '../differences.ts';

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

/** Grants what is wanted and not among the permissions that `look` reports; those of others are left alone. Says whether it changed anything. */
export async function granted(
  wanted: ResourcePermission[] | undefined,
  look: () => Promise<{ Permissions?: ResourcePermission[] }>,
  grant: (GrantPermissions: ResourcePermission[]) => Promise<unknown>,
): Promise<string[]> {
  if (wanted === undefined) return [];
  const { Permissions = [] } = await look();
  const missing = wanted.filter((each) => !Permissions.some((found) => differences(sorted(each), sorted(found)).length === 0));
  if (missing.length === 0) return [];
  await grant(missing);
  return ['Permissions'];
}

const sorted = ({ Principal, Actions = [] }: ResourcePermission) => ({ Principal, Actions: [...Actions].sort() });
