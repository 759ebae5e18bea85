import type { ResourcePermission } from '@aws-sdk/client-quicksight';
import type { Pipeline } from '../../pipeline/spec.ts';
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

const FIELD = 'Permissions ';

/** Grants that the spec's principal lacks, and all that another principal has: nobody else is to see the asset. More than an owner's set is no wider than it. */
export async function grantDifferences(
  pipeline: Pipeline,
  asset: keyof typeof OWNER,
  look: () => Promise<{ Permissions?: ResourcePermission[] }>,
): Promise<Difference[]> {
  const wanted = permissions(pipeline, asset) ?? [];
  const { Permissions = [] } = await look();
  const differs = (Principal = '', is?: string[], Actions?: string[]): Difference => ({
    field: `${FIELD}${Principal}`,
    is,
    wanted: Actions,
  });
  const lacking = wanted.flatMap(({ Principal, Actions = [] }) => {
    const is = Permissions.find((each) => each.Principal === Principal)?.Actions;
    return Actions.every((action) => is?.includes(action)) ? [] : [differs(Principal, is, Actions)];
  });
  const surplus = Permissions.filter(({ Principal }) => !wanted.some((each) => each.Principal === Principal));
  return [...lacking, ...surplus.map(({ Principal, Actions }) => differs(Principal, Actions))];
}

/** Splits differences into those in grants, as a request to change them, and the others. */
export function apart(all: Difference[]): { grants?: Grants; others: Difference[] } {
  const ofGrants = all.filter(({ field }) => field.startsWith(FIELD));
  const others = all.filter(({ field }) => !field.startsWith(FIELD));
  const to = ({ field }: Difference, actions: unknown): ResourcePermission => ({
    Principal: field.slice(FIELD.length),
    Actions: actions as string[],
  });
  const grant = ofGrants.flatMap((each) => (each.wanted === undefined ? [] : [to(each, each.wanted)]));
  const revoke = ofGrants.flatMap((each) => (each.wanted === undefined ? [to(each, each.is)] : []));
  if (ofGrants.length === 0) return { others };
  return {
    others,
    grants: { ...(grant.length > 0 && { GrantPermissions: grant }), ...(revoke.length > 0 && { RevokePermissions: revoke }) },
  };
}

interface Grants {
  GrantPermissions?: ResourcePermission[];
  RevokePermissions?: ResourcePermission[];
}
