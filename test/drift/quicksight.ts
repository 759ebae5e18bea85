import * as qs from '@aws-sdk/client-quicksight';
import { dashboardDefinition } from '../../pipeline/dashboard.ts';
import type { Stage } from '../../pipeline/stages.ts';
import { account, ground, n, other, type Pretence, pipeline, type Row, row } from './ground.ts';

const SETS = ['players', 'teams', 'history', 'audits'] as const;
const send = (command: object) => ground.aws.quicksight.send(command as never) as Promise<never>;

const source = (change: Partial<qs.AthenaParameters>, Name = n.dataSource) => {
  const AthenaParameters = { WorkGroup: n.workgroup, RoleArn: n.roleArns.quicksight, ...change };
  return send(new qs.UpdateDataSourceCommand({ ...account, DataSourceId: n.dataSource, Name, DataSourceParameters: { AthenaParameters } }));
};
const PARAMETERS = 'DataSourceParameters.AthenaParameters';
const sources: Row[] = [
  row('dataSource', ['Name'], () => source({}, 'mine')),
  row('dataSource', [`${PARAMETERS}.RoleArn`], () => source({ RoleArn: other.roleArn })),
  row('dataSource', [`${PARAMETERS}.RoleArn`, `${PARAMETERS}.WorkGroup`], () =>
    source({ RoleArn: other.roleArn, WorkGroup: other.workgroup }),
  ),
];

const dataSet = async (which: (typeof SETS)[number], change: Partial<qs.UpdateDataSetRequest>, custom: Partial<qs.CustomSql> = {}) => {
  const id = { ...account, DataSetId: n.dataSets[which] };
  const { DataSet } = await ground.aws.quicksight.send(new qs.DescribeDataSetCommand(id));
  const { Name, ImportMode, PhysicalTableMap } = DataSet!;
  const CustomSql = { ...PhysicalTableMap![which]!.CustomSql!, ...custom };
  await send(new qs.UpdateDataSetCommand({ ...id, Name, ImportMode, PhysicalTableMap: { [which]: { CustomSql } } as never, ...change }));
};
const sets: Row[] = SETS.flatMap((which) => {
  const inside = `PhysicalTableMap.${which}.CustomSql`;
  const AthenaParameters = { WorkGroup: other.workgroup, RoleArn: other.roleArn };
  const twin = {
    ...account,
    DataSourceId: 'drifting-twin',
    Name: 'twin',
    Type: 'ATHENA' as const,
    DataSourceParameters: { AthenaParameters },
  };
  return [
    row(which, ['Name'], () => dataSet(which, { Name: 'mine' })),
    row(which, ['ImportMode'], () => dataSet(which, { ImportMode: which === 'history' ? 'DIRECT_QUERY' : 'SPICE' })),
    row(which, [`${inside}.SqlQuery`], () => dataSet(which, {}, { SqlQuery: 'SELECT 1 AS kills' })),
    row(which, [`${inside}.Name`], () => dataSet(which, {}, { Name: 'mine' })),
    row(which, [`${inside}.Columns`], () => dataSet(which, {}, { Columns: [{ Name: 'kills', Type: 'INTEGER' }] })),
    row(which, [`${inside}.DataSourceArn`], async () => {
      await send(new qs.CreateDataSourceCommand(twin)).catch(() => undefined);
      await dataSet(which, {}, { DataSourceArn: n.dataSourceArn.replace(n.dataSource, twin.DataSourceId) });
    }),
  ];
});

type Definition = qs.DashboardVersionDefinition;
/** One change in each part of the definition that ours has, and where inside that part it is seen. */
const CHANGES: { part: keyof Definition; at: string[]; change: (part: never) => unknown }[] = [
  {
    part: 'DataSetIdentifierDeclarations',
    at: ['[1].Identifier', '[1].DataSetArn', '[3].Identifier', '[3].DataSetArn'],
    change: ([first, ...others]: object[]) => [first, ...others.reverse()],
  },
  {
    part: 'ParameterDeclarations',
    at: ['[2].StringParameterDeclaration.DefaultValues.StaticValues[0]'],
    change: (declared: qs.ParameterDeclaration[]) =>
      declared.map(({ StringParameterDeclaration: text, ...others }) =>
        text ? { StringParameterDeclaration: { ...text, DefaultValues: { StaticValues: ['Hour'] } } } : others,
      ),
  },
  {
    part: 'ParameterDeclarations',
    at: ['[0].DateTimeParameterDeclaration.DefaultValues.RollingDate.Expression'],
    change: ([from, ...others]: qs.ParameterDeclaration[]) => {
      const DefaultValues = { RollingDate: { Expression: "truncDate('DD', now())" } };
      return [{ DateTimeParameterDeclaration: { ...from!.DateTimeParameterDeclaration!, DefaultValues } }, ...others];
    },
  },
  {
    part: 'CalculatedFields',
    at: ['[0].Expression'],
    change: ([first, ...others]: object[]) => [{ ...first, Expression: 'sum({kills})' }, ...others],
  },
  { part: 'ColumnConfigurations', at: [''], change: ([, ...others]: object[]) => others },
  {
    part: 'FilterGroups',
    at: ['[3].Filters[0].TopBottomFilter.Limit'],
    change: (groups: qs.FilterGroup[]) =>
      groups.map((group) => {
        const best = group.Filters?.[0]?.TopBottomFilter;
        return best ? { ...group, Filters: [{ TopBottomFilter: { ...best, Limit: 3 } }] } : group;
      }),
  },
  { part: 'Sheets', at: ['[0].Name'], change: ([sheet]: object[]) => [{ ...sheet, Name: 'Mine' }] },
];
const changed = ({ part, change }: (typeof CHANGES)[number]): Definition => {
  const whole = dashboardDefinition(pipeline);
  return { ...whole, [part]: change(whole[part] as never) };
};

const analysis = (Definition: qs.AnalysisDefinition, Name = n.analysis) =>
  send(new qs.UpdateAnalysisCommand({ ...account, AnalysisId: n.analysis, Name, Definition }));
const dashboard = (Definition: Definition, Name = n.dashboard) =>
  send(new qs.UpdateDashboardCommand({ ...account, DashboardId: n.dashboard, Name, Definition }));
const NEW_VERSION = ['VersionDescription', 'published version'];

const pages: Row[] = [
  row('analysis', ['Name'], () => analysis(dashboardDefinition(pipeline), 'mine')),
  // What an author adds where we have nothing: only QuickSight's own words tell of it.
  row('analysis', ['Definition'], () => analysis({ ...dashboardDefinition(pipeline), Options: { Timezone: 'UTC' } })),
  row('dashboard', ['Name', ...NEW_VERSION], () => dashboard(dashboardDefinition(pipeline), 'mine')),
  ...CHANGES.flatMap((change) => {
    const fields = change.at.map((place) => `Definition.${change.part}${place}`);
    return [
      row('analysis', fields, () => analysis(changed(change))),
      row('dashboard', [...fields, ...NEW_VERSION], () => dashboard(changed(change))),
    ];
  }),
];

/** Each asset with how its grants are read and changed. */
const GRANTED = [
  ['dataSource', { DataSourceId: n.dataSource }, qs.DescribeDataSourcePermissionsCommand, qs.UpdateDataSourcePermissionsCommand],
  ...SETS.map((which) => [
    which,
    { DataSetId: n.dataSets[which] },
    qs.DescribeDataSetPermissionsCommand,
    qs.UpdateDataSetPermissionsCommand,
  ]),
  ['analysis', { AnalysisId: n.analysis }, qs.DescribeAnalysisPermissionsCommand, qs.UpdateAnalysisPermissionsCommand],
  ['dashboard', { DashboardId: n.dashboard }, qs.DescribeDashboardPermissionsCommand, qs.UpdateDashboardPermissionsCommand],
] as [Stage, object, new (input: never) => object, new (input: never) => object][];
const OTHERS = 'arn:aws:quicksight:us-east-1:000000000000:group/default/everybody';
const PRINCIPAL = `Permissions ${pipeline.quicksightPrincipal}`;

const grants: Row[] = GRANTED.flatMap(([stage, id, Describe, Update]) => {
  const permissions = async () => {
    const { Permissions = [] } = (await send(new Describe({ ...account, ...id } as never))) as { Permissions?: qs.ResourcePermission[] };
    return Permissions[0]!;
  };
  const update = (change: object) => send(new Update({ ...account, ...id, ...change } as never));
  return [
    row(stage, [PRINCIPAL], async () => update({ RevokePermissions: [await permissions()] })),
    row(stage, [PRINCIPAL], async () => {
      const { Principal, Actions = [] } = await permissions();
      await update({ RevokePermissions: [{ Principal, Actions: Actions.slice(2) }] });
    }),
    row(stage, [`Permissions ${OTHERS}`], async () => {
      const { Actions = [] } = await permissions();
      await update({ GrantPermissions: [{ Principal: OTHERS, Actions }] });
    }),
  ];
});

const EVERYBODY = 'arn:aws:quicksight:us-east-1:000000000000:namespace/default';
const LOOKING = ['DescribeDashboard', 'QueryDashboard', 'ListDashboardVersions'].map((action) => `quicksight:${action}`);
const link = row('dashboard', [`LinkSharingConfiguration ${EVERYBODY}`], () =>
  send(
    new qs.UpdateDashboardPermissionsCommand({
      ...account,
      DashboardId: n.dashboard,
      GrantLinkPermissions: [{ Principal: EVERYBODY, Actions: LOOKING }],
    }),
  ),
);

export const rows: Row[] = [...sources, ...sets, ...pages, ...grants, link];

export const pretences: Pretence[] = [
  {
    stage: 'dataSource',
    fields: ['Type'],
    command: 'DescribeDataSource',
    alter: (answer) => ({ ...answer, DataSource: { ...(answer as { DataSource: object }).DataSource, Type: 'REDSHIFT' } }),
  },
];
