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
/** Who may see a dashboard by its link, without a grant of his own. */
const LINK = 'LinkSharingConfiguration ';

interface Granted {
  Permissions?: ResourcePermission[];
  LinkSharingConfiguration?: { Permissions?: ResourcePermission[] };
}

/**
 * Grants that the spec's principal lacks, and all that another principal has, by the link of the asset, too: nobody else is to see it. More than an owner's set is no
 * wider than it.
 */
export async function grantDifferences(pipeline: Pipeline, asset: keyof typeof OWNER, look: () => Promise<Granted>): Promise<Difference[]> {
  const wanted = permissions(pipeline, asset) ?? [];
  const { Permissions = [], LinkSharingConfiguration: { Permissions: byLink = [] } = {} } = await look();
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
  const links = byLink.map(({ Principal, Actions }) => ({ field: `${LINK}${Principal}`, is: Actions, wanted: undefined }));
  return [...lacking, ...surplus.map(({ Principal, Actions }) => differs(Principal, Actions)), ...links];
}

/** Splits differences into those in grants, as a request to change them, and the others. */
export function apart(all: Difference[]): { grants?: Grants; others: Difference[] } {
  const isOf = (prefix: string) => (each: Difference) => each.field.startsWith(prefix);
  const others = all.filter((each) => !isOf(FIELD)(each) && !isOf(LINK)(each));
  if (others.length === all.length) return { others };
  const to = (prefix: string, value: (each: Difference) => unknown) => (each: Difference) => {
    const Actions = value(each) as string[] | undefined;
    return Actions === undefined ? [] : [{ Principal: each.field.slice(prefix.length), Actions }];
  };
  const grant = all.filter(isOf(FIELD)).flatMap(to(FIELD, ({ wanted }) => wanted));
  const revoke = all.filter(isOf(FIELD)).flatMap(to(FIELD, ({ is, wanted }) => (wanted === undefined ? is : undefined)));
  const unlink = all.filter(isOf(LINK)).flatMap(to(LINK, ({ is }) => is));
  return {
    others,
    grants: {
      ...(grant.length > 0 && { GrantPermissions: grant }),
      ...(revoke.length > 0 && { RevokePermissions: revoke }),
      ...(unlink.length > 0 && { RevokeLinkPermissions: unlink }),
    },
  };
}

interface Grants {
  GrantPermissions?: ResourcePermission[];
  RevokePermissions?: ResourcePermission[];
  /** Of dashboards alone. */
  RevokeLinkPermissions?: ResourcePermission[];
}
