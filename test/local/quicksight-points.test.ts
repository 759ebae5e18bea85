import {
  type DashboardVersionDefinition,
  type LineChartConfiguration,
  UpdateDashboardCommand,
  UpdateDashboardPublishedVersionCommand,
} from '@aws-sdk/client-quicksight';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Clients, clients as clientsOf } from '../../activities/aws.ts';
import { dashboardUrl } from '../../activities/quicksight/page.ts';
import type { DashboardData } from '../../local/quicksight/load.ts';
import type { Local } from '../../local/start.ts';
import { dashboardDefinition } from '../../pipeline/dashboard.ts';
import { names } from '../../pipeline/names.ts';
import { pipeline, standUp, until, windowsFrom } from '../dashboard-lake.ts';
import { localAws } from '../local-aws.ts';

const AwsAccountId = pipeline.account;
const { dashboard: DashboardId } = names(pipeline);
const many = windowsFrom(new Date(Math.floor(Date.now() / 60_000 - 6 * 60) * 60_000), 210, 2);
const own = dashboardDefinition(pipeline);
const first = many[0]!.window_start;
/** The range of time that has all of the windows. */
const query = { From: first.slice(0, 16), To: many.at(-1)!.window_start.slice(0, 16) };

let local: Local;
let clients: Clients;

beforeAll(async () => {
  local = await localAws();
  clients = clientsOf(local);
  await standUp(clients, many);
});

afterAll(async () => {
  await local.close();
});

async function data(parameters: Record<string, string>): Promise<DashboardData> {
  const url = new URL(await dashboardUrl(clients, pipeline));
  url.pathname += '/data';
  for (const [name, value] of Object.entries(parameters)) url.searchParams.append(`p.${name}`, value);
  return (await (await fetch(url)).json()) as DashboardData;
}

const chartOf = ({ visuals }: DashboardData, id = 'team-ratio') => {
  const { error, rows, truncated } = visuals.find(({ visualId }) => visualId === id)!;
  expect(error).toBeUndefined();
  return { points: [...new Set(rows.map(([at]) => String(at)))], truncated };
};

async function publish(Definition: DashboardVersionDefinition): Promise<void> {
  const { quicksight } = clients;
  const { VersionArn } = await quicksight.send(new UpdateDashboardCommand({ AwsAccountId, DashboardId, Name: DashboardId, Definition }));
  const version = { AwsAccountId, DashboardId, VersionNumber: Number(VersionArn!.split('/').at(-1)) };
  const isPublished = () =>
    quicksight.send(new UpdateDashboardPublishedVersionCommand(version)).then(
      () => true,
      () => false,
    );
  await until(isPublished, 'the version');
}

/** Publishes the dashboard with another line chart of the teams, whose points are windows, and gives what that shows. */
async function changed(change: (chart: LineChartConfiguration) => void) {
  const definition = structuredClone(own);
  for (const field of definition.CalculatedFields!) if (field.Name === 'Time') field.Expression = '{window_start}';
  const visual = definition.Sheets![0]!.Visuals!.find(({ LineChartVisual: line }) => line?.VisualId === 'team-ratio')!;
  change(visual.LineChartVisual!.ChartConfiguration!);
  await publish(definition);
  return chartOf(await data(query));
}

it('QuickSight draws the first 200 points of a line chart with colours, in its order', async () => {
  const oldest = await changed(() => undefined);
  expect(oldest).toMatchObject({ points: { length: 200 }, truncated: true });
  expect(oldest.points[0]).toBe(`${first}Z`);
  const newest = await changed((chart) => {
    chart.SortConfiguration = { CategorySort: [{ FieldSort: { FieldId: 'team-ratio-time', Direction: 'DESC' } }] };
  });
  expect(newest).toMatchObject({ points: { length: 200 }, truncated: true });
  expect(newest.points[0]).toBe(`${many.at(-1)!.window_start}Z`);
  const plain = await changed(({ FieldWells: wells }) => {
    wells!.LineChartAggregatedFieldWells!.Colors = [];
  });
  expect(plain.points).toHaveLength(210);
  expect(plain.truncated).toBeUndefined();
});

it('our charts have coarser points of a longer range, and so show the newest', async () => {
  await publish(own);
  const shown = await data(query);
  for (const id of ['team-ratio', 'player-ratio']) {
    const { points, truncated } = chartOf(shown, id);
    expect(points).toHaveLength(35);
    expect(points.at(-1)).toBe(`${query.To}:00.000Z`);
    expect(truncated).toBeUndefined();
  }
  expect(chartOf(await data({ ...query, Every: 'Hour' })).points.length).toBeLessThan(3);
  const hours = chartOf(await data({ From: query.From })).points;
  expect(hours.every((at) => at.endsWith(':00:00.000Z'))).toBe(true);
});
