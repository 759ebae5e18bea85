import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateDataSourceCommand,
  CreateIngestionCommand,
  DescribeAccountSubscriptionCommand,
  DescribeDataSourceCommand,
  DescribeIngestionCommand,
  GenerateEmbedUrlForRegisteredUserCommand,
  ListIngestionsCommand,
  ListUsersCommand,
} from '@aws-sdk/client-quicksight';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { auditActivities } from '../../activities/audit/audit.ts';
import { type Clients, clients as clientsOf } from '../../activities/aws.ts';
import { hasKillsOnDashboard, killsOnDashboard } from '../../activities/quicksight/page.ts';
import { lastAudit } from '../../activities/s3/last-audit.ts';
import { ledger } from '../../activities/s3/ledger.ts';
import type { DashboardData } from '../../local/quicksight/load.ts';
import { type Local, startLocal } from '../../local/start.ts';
import type { Audit } from '../../pipeline/audit.ts';
import { gameOf } from '../../pipeline/lanes.ts';
import { names } from '../../pipeline/names.ts';
import { DAY_MS } from '../../pipeline/time.ts';
import { crawl, deliver, pipeline, standUp, until, windowsFrom } from '../dashboard-lake.ts';

const AwsAccountId = pipeline.account;
const { dataSets, dashboard: DashboardId } = names(pipeline);
/** Some minutes ago, as the dashboard opens with half an hour, and with some more left of its hour: another would be another partition. */
const START = new Date(Math.floor(Date.now() / 60_000 - 10) * 60_000);
if (START.getUTCMinutes() > 55) START.setUTCMinutes(55);
/** A moment so many seconds after the start, as a viewer writes it: to the minute. */
const minuteAt = (seconds: number) => new Date(START.getTime() + seconds * 1000).toISOString().slice(0, 16);
const windows = windowsFrom(START, 12, 10);
const sum = (rows: typeof windows, of: 'kills' | 'deaths') => rows.reduce((total, row) => total + row[of], 0);

let dir: string;
let local: Local;
let clients: Clients;
const send: Clients['quicksight']['send'] = ((command: never) => clients.quicksight.send(command)) as never;
const refused = (name: string, message: RegExp) => expect.objectContaining({ name, message: expect.stringMatching(message) });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quicksight-'));
  local = await startLocal({ dir, log: () => undefined });
  clients = clientsOf(local);
  await standUp(clients, windows);
});

afterAll(async () => {
  await local.close();
  await rm(dir, { recursive: true });
});

/** What the page fetches, by a fresh link. */
async function data(query = ''): Promise<DashboardData> {
  const url = new URL(await link());
  url.pathname += '/data';
  for (const [key, value] of new URLSearchParams(query)) url.searchParams.append(key, value);
  return (await (await fetch(url)).json()) as DashboardData;
}

async function link(UserArn = `arn:aws:quicksight:us-east-1:${AwsAccountId}:user/default/local`): Promise<string> {
  const ExperienceConfiguration = { Dashboard: { InitialDashboardId: DashboardId } };
  return (await send(new GenerateEmbedUrlForRegisteredUserCommand({ AwsAccountId, UserArn, ExperienceConfiguration }))).EmbedUrl!;
}

const rowsOf = ({ visuals }: DashboardData, id: string) => {
  const { rows, error } = visuals.find(({ visualId }) => visualId === id)!;
  expect(error).toBeUndefined();
  return rows;
};

async function ended(DataSetId: string, IngestionId: string) {
  const describe = async () => (await send(new DescribeIngestionCommand({ AwsAccountId, DataSetId, IngestionId }))).Ingestion!;
  await until(async () => !['INITIALIZED', 'QUEUED', 'RUNNING'].includes((await describe()).IngestionStatus!), 'the ingestion');
  return describe();
}

describe('what the dashboard shows', () => {
  it('is the sum over the lake, and the ratio is of sums', async () => {
    const shown = await data();
    expect(rowsOf(shown, 'kills-total')).toEqual([[sum(windows, 'kills')]]);
    expect(rowsOf(shown, 'players')).toEqual([[10]]);
    expect(shown.asOf).toBe(new Date(START.getTime() + 120_000).toISOString());
    const [, ...leader] = rowsOf(shown, 'leaders')[0]!;
    const best = rowsOf(shown, 'leaders')[0]![0];
    const own = windows.filter(({ player_id }) => player_id === best);
    expect(leader).toEqual([sum(own, 'kills'), sum(own, 'deaths'), sum(own, 'kills') / sum(own, 'deaths')]);
    expect(rowsOf(shown, 'team-performance').map(([team]) => team)).toEqual(['blue', 'red']);
    const byMinute = rowsOf(shown, 'history').reduce((total, [, , kills]) => total + Number(kills), 0);
    expect(byMinute).toBe(sum(windows, 'kills'));
  });

  it('draws the six players with the most kills', async () => {
    const kills = new Map<string, number>();
    for (const row of windows) kills.set(row.player_id, (kills.get(row.player_id) ?? 0) + row.kills);
    const best = [...kills].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, 6);
    const lines = new Set(rowsOf(await data(), 'player-ratio').map(([, player]) => player));
    expect([...lines].sort()).toEqual(best.map(([player]) => player).sort());
  });

  it('is filtered by player, team and time, each wherever its column is', async () => {
    const two = await data('f.player=player-1&f.player=player-4');
    expect(rowsOf(two, 'kills-total')).toEqual([
      [
        sum(
          windows.filter((row) => ['player-1', 'player-4'].includes(row.player_id)),
          'kills',
        ),
      ],
    ]);
    expect(rowsOf(two, 'team-performance')).toHaveLength(2);
    const red = await data('f.team=red');
    expect(rowsOf(red, 'team-performance')).toEqual([
      [
        'red',
        sum(
          windows.filter(({ team }) => team === 'red'),
          'kills',
        ),
        sum(
          windows.filter(({ team }) => team === 'red'),
          'deaths',
        ),
      ],
    ]);
    expect(rowsOf(red, 'history').every(([, team]) => team === 'red')).toBe(true);
    const minute = await data(`p.From=${minuteAt(60)}&p.To=${minuteAt(60)}`);
    expect(rowsOf(minute, 'kills-total')).toEqual([
      [
        sum(
          windows.filter((row) => row.window_start >= minuteAt(60)),
          'kills',
        ),
      ],
    ]);
    expect(rowsOf(await data('p.Every=Minute'), 'team-ratio')).toHaveLength(4);
    expect(rowsOf(await data("f.player=nobody' OR 'a'='a"), 'kills-total')).toEqual([[null]]);
    expect((await data('p.From=soon')).visuals[0]?.error).toMatch(/must be a time/);
  });

  it('is live where it asks Athena, and as of the last ingestion where it asks SPICE', async () => {
    const more = windowsFrom(new Date(START.getTime() + 120_000), 6, 10);
    await deliver(clients, more, 'second');
    const all = sum(windows, 'kills') + sum(more, 'kills');
    const shown = await data();
    expect(rowsOf(shown, 'kills-total')).toEqual([[all]]);
    expect(rowsOf(shown, 'history')).toHaveLength(4);
    await send(new CreateIngestionCommand({ AwsAccountId, DataSetId: dataSets.history, IngestionId: 'second' }));
    await ended(dataSets.history, 'second');
    expect(rowsOf(await data(), 'history')).toHaveLength(6);
  });

  it('is of the last half hour, and of the last day at most; its history is of the last month, by the hour or day as it grows', async () => {
    const before = await data();
    const killsOf = async (query: string) => (rowsOf(await data(query), 'kills-total') as [[number]])[0][0];
    const recent = await killsOf('');
    const hoursAgo = async (...all: number[]) => {
      const old = all.map((hours) => windowsFrom(new Date(START.getTime() - hours * 3_600_000), 6, 10));
      for (const [i, rows] of old.entries()) await deliver(clients, rows, `${all[i]}-hours-old`);
      await crawl(clients);
      return old.map((rows) => sum(rows, 'kills'));
    };
    const history = async (IngestionId: string) => {
      await send(new CreateIngestionCommand({ AwsAccountId, DataSetId: dataSets.history, IngestionId }));
      await ended(dataSets.history, IngestionId);
      const rows = rowsOf(await data(), 'history').map(([at, , kills]) => [String(at), Number(kills)] as const);
      return { kills: rows.reduce((total, [, kills]) => total + kills, 0), at: [...new Set(rows.map(([at]) => at))] };
    };
    const cut = (unit: number, ...hours: number[]) => [
      ...new Set(hours.map((ago) => new Date(Math.floor((START.getTime() - ago * 3_600_000) / unit) * unit).toISOString())),
    ];
    const [anHour, twoDays] = await hoursAgo(1, 48);
    for (const id of ['kills-total', 'team-ratio', 'history']) expect(rowsOf(await data(), id)).toEqual(rowsOf(before, id));
    expect(await killsOf('p.From=2020-01-01T00:00')).toBe(recent + anHour!);
    expect(await history('by-hour')).toEqual({ kills: recent + anHour! + twoDays!, at: cut(3_600_000, 48, 1, 0) });
    const [nineDays] = await hoursAgo(9 * 24, 40 * 24);
    expect(await history('by-day')).toEqual({ kills: recent + anHour! + twoDays! + nineDays!, at: cut(DAY_MS, 9 * 24, 48, 1, 0) });
  });

  it('is compared by an audit only if it shows just the events that the audit counts', async () => {
    const { 'audit.dashboard': dashboard } = auditActivities(clients, local);
    const began = async (at: number) => {
      const range = { lane: 0, first: 0, end: 10, time: { from: 0, base: at, rate: 10 }, at, resent: [], since: 0 };
      await ledger(clients)['ledger.write'](pipeline, at, { game: gameOf(pipeline, 'r'), ranges: [range] });
    };
    await began(START.getTime());
    const [[kills]] = rowsOf(await data('p.From=2020-01-01T00:00'), 'kills-total') as [[number]];
    expect(await dashboard(pipeline)).toBe(kills);
    expect(await dashboard(pipeline, START.getTime() - 1000)).toBe(kills);
    expect(await dashboard(pipeline, START.getTime() + 1000)).toBeUndefined();
    await began(START.getTime() - 2 * DAY_MS);
    expect(await dashboard(pipeline)).toBeUndefined();
  });
});

describe('the account of the events', () => {
  const place = {
    ...{ events: 900, missing: 0, altered: 0, malformed: 0, oversized: 0, unknown: 0, lacking: { malformed: 0, copies: 0 } },
    copies: { onPurpose: 0, resent: 0, unexplained: 0 },
    examples: { missing: [], twice: [], altered: [], lacking: [] },
  };
  const report: Audit = {
    ...{ generated: 905, acknowledged: 900, unacknowledged: ['5 of lane 0'], inStream: 900, inS3: 900, inAthena: 900 },
    ...{ lost: 0, duplicates: 0, resent: 0, heartbeats: 30 },
    ...{ killsGenerated: 300, killsOnDashboard: 300, windowsChecked: 40, windowsWrong: 0, wrongInAthena: [], bytesScanned: 1 },
    places: ['stream', 'lake'].map((name) => ({ ...place, place: name })),
    ...{ at: START.getTime(), since: 0, minutes: [], missed: [] },
  };
  const stamp = (time: number) => `${new Date(time).toISOString().slice(0, 19)}Z`;
  const shown = async () => {
    const all = await data();
    return { asOf: all.asOf, error: all.visuals.find(({ visualId }) => visualId === 'account')!.error, rows: rowsOf(all, 'account') };
  };

  it('is empty before the first audit, then the last one, and none makes the data look fresher', async () => {
    const before = await shown();
    expect(before).toMatchObject({ rows: [], error: undefined });
    const publish = lastAudit(clients)['audit.publish'];
    await publish(pipeline, { ...report, lost: 2, inS3: 898, killsOnDashboard: undefined });
    expect(await shown()).toEqual({ ...before, rows: [[stamp(report.at), null, 905, 900, 900, 898, 900, 2, 0, 40, 0, 3]] });
    await publish(pipeline, { ...report, at: report.at + DAY_MS, since: report.at });
    const row = [stamp(report.at + DAY_MS), stamp(report.at), 905, 900, 900, 900, 900, 0, 0, 40, 0, 1];
    expect(await shown()).toEqual({ ...before, rows: [row] });
    expect(rowsOf(await data(`f.team=red&p.From=${stamp(report.at + DAY_MS).slice(0, 16)}`), 'account')).toEqual([row]);
  });
});

describe('the way in', () => {
  it('is a link for the one user there is', async () => {
    expect((await send(new DescribeAccountSubscriptionCommand({ AwsAccountId }))).AccountInfo?.Edition).toBe('ENTERPRISE');
    const { UserList } = await send(new ListUsersCommand({ AwsAccountId, Namespace: 'default' }));
    await expect(link(UserList?.[0]?.Arn)).resolves.toMatch(/\/quicksight\/dashboards\/data2dashboard\?authToken=/);
    await expect(link(`arn:aws:quicksight:us-east-1:${AwsAccountId}:user/default/other`)).rejects.toEqual(
      refused('QuickSightUserNotFoundException', /other/),
    );
  });

  it('opens nothing without its secret, and takes the secret out of the address', async () => {
    expect((await fetch(`${local.endpoint}/quicksight/dashboards/data2dashboard/data`)).status).toBe(403);
    const reply = await fetch(await link(), { redirect: 'manual' });
    expect([reply.status, reply.headers.get('location')]).toEqual([303, '/quicksight/dashboards/data2dashboard']);
    expect(reply.headers.get('set-cookie')).toMatch(/HttpOnly; SameSite=Strict/);
  });
});

it('finds everything again after a restart, and ends the ingestion that was under way', async () => {
  await send(new CreateIngestionCommand({ AwsAccountId, DataSetId: dataSets.history, IngestionId: 'whole' }));
  await ended(dataSets.history, 'whole');
  const before = rowsOf(await data(), 'history');
  await send(new CreateIngestionCommand({ AwsAccountId, DataSetId: dataSets.history, IngestionId: 'interrupted' }));
  await local.close();
  local = await startLocal({ dir, log: () => undefined });
  clients = clientsOf(local);
  expect(await ended(dataSets.history, 'interrupted')).toMatchObject({
    IngestionStatus: 'COMPLETED',
    RowInfo: { RowsIngested: before.length },
  });
  expect(rowsOf(await data(), 'history')).toEqual(before);
  const { Ingestions } = await send(new ListIngestionsCommand({ AwsAccountId, DataSetId: dataSets.history }));
  expect(Ingestions?.[0]).toMatchObject({ IngestionId: 'interrupted' });
});

it('has something to show of a game that paused days ago', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quicksight-'));
  const other = await startLocal({ dir: folder, log: () => undefined });
  const of = clientsOf(other);
  try {
    await standUp(of, windowsFrom(new Date(START.getTime() - 3 * DAY_MS), 6, 4));
    expect(await killsOnDashboard(of, pipeline, 0)).toBe(0);
    await until(() => hasKillsOnDashboard(of, pipeline), 'the history');
  } finally {
    await other.close();
    await rm(folder, { recursive: true });
  }
});

it('takes its time where AWS does', async () => {
  const slow = await mkdtemp(join(tmpdir(), 'quicksight-'));
  let later = 0;
  const other = await startLocal({ dir: slow, settle: 60_000, now: () => Date.now() + later, log: () => undefined });
  const { quicksight } = clientsOf(other);
  try {
    const id = { AwsAccountId, DataSourceId: 'slow' };
    await quicksight.send(
      new CreateDataSourceCommand({ ...id, Name: 'slow', Type: 'ATHENA', DataSourceParameters: { AthenaParameters: {} } }),
    );
    const status = async () => (await quicksight.send(new DescribeDataSourceCommand(id))).DataSource?.Status;
    expect(await status()).toBe('CREATION_IN_PROGRESS');
    later = 60_000;
    expect(await status()).toBe('CREATION_SUCCESSFUL');
  } finally {
    await other.close();
    await rm(slow, { recursive: true });
  }
});
