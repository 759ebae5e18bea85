import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetQueryExecutionCommand, GetQueryResultsCommand, StartQueryExecutionCommand } from '@aws-sdk/client-athena';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clients } from '../activities/aws.ts';
import { settled } from '../activities/poll.ts';
import { stageActivities } from '../activities/registry.ts';
import { statements } from '../activities/sql.ts';
import { type Local, startLocal } from '../local/start.ts';
import { gameEvent, heartbeat } from '../pipeline/event.ts';
import { type LakeTable, names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { crawl, putRows } from './lake.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'questions', windowSeconds: 10 }), account: '000000000000' };
const n = names(pipeline);
const START = Date.UTC(2026, 10, 23, 18, 0, 3);
const EVENTS = 2_000;

const events = Array.from({ length: EVENTS }, (_, i) => gameEvent({ run: 'q', seed: 7, players: 12 }, i, START + i * 25));
const kills = events.filter(({ event_type }) => event_type === 'kill');

let dir: string;
let local: Local;
let aws: ReturnType<typeof clients>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'd2d-questions-'));
  local = await startLocal({ dir, log: () => {} });
  aws = clients(local);
  const act = stageActivities(aws);
  for (const stage of ['bucket', 'crawlerRole', 'lakeDatabase', 'crawler', 'workgroup', 'questions'] as const)
    await act[`${stage}.ensure`](pipeline);
  const { players, teams } = metrics();
  await put('events', 'a', [...events, ...[0, 1, 2].map((s) => heartbeat('q', `shardId-00000000000${s}`, START))]);
  await put('player_metrics', 'a', players);
  await put('team_metrics', 'a', teams);
  await crawl(aws, pipeline);
  await act['views.ensure'](pipeline);
});

afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
  await rm(dir, { recursive: true });
});

describe('the questions of sql/athena', () => {
  const { players, teams } = metrics();
  const windows = players.length + teams.length;

  it('count what has come through', async () => {
    expect(await ask('pipeline_counts')).toEqual([
      { events: EVENTS, distinct_events: EVENTS, duplicates: 0, copies: 0, kills: kills.length, heartbeats: 3 },
    ]);
    expect(await ask('kills_total')).toEqual([{ kills: kills.length, deaths: kills.length, kills_in_events: kills.length }]);
  });

  it('rank players by ratio and by deaths', async () => {
    const ratio = await ask('player_kill_ratio');
    expect(ratio).toHaveLength(12);
    for (const row of ratio) {
      const killed = kills.filter(({ killer_id }) => killer_id === row.player_id).length;
      const died = kills.filter(({ victim_id }) => victim_id === row.player_id).length;
      expect(row).toMatchObject({ kills: killed, deaths: died, kill_death_ratio: expect.closeTo(killed / died, 9) });
    }
    const ratios = ratio.map(({ kill_death_ratio }) => Number(kill_death_ratio));
    expect(ratios).toEqual([...ratios].sort((a, b) => b - a));
    const deaths = (await ask('player_deaths')).map((row) => Number(row.deaths));
    expect(deaths).toEqual([...deaths].sort((a, b) => b - a));
    expect(deaths.reduce((sum, each) => sum + each)).toBe(kills.length);
  });

  it('compare the teams', async () => {
    const red = kills.filter(({ killer_team }) => killer_team === 'red').length;
    const blue = kills.length - red;
    expect(await ask('team_performance')).toEqual([
      expect.objectContaining({ team: 'blue', kills: blue, deaths: red, kill_death_ratio: expect.closeTo(blue / red, 9) }),
      expect.objectContaining({ team: 'red', kills: red, deaths: blue, kill_death_ratio: expect.closeTo(red / blue, 9) }),
    ]);
  });

  it('find every window right', async () => {
    expect(await ask('windows_wrong')).toEqual([{ windows_checked: windows, windows_wrong: 0 }]);
  });

  it('count nothing twice when events and metrics come again, a replay with smaller rows included', async () => {
    await put('events', 'again', events.slice(0, 300));
    await put('player_metrics', 'again', [...players.slice(0, 20), { ...players[3]!, kills: 0, deaths: 0, kill_death_ratio: 0 }]);
    await put('team_metrics', 'again', [{ ...teams[0]!, kills: 0, deaths: 1, players: 1, kill_death_ratio: 0 }, teams[1]!]);
    expect(await ask('pipeline_counts')).toEqual([
      { events: EVENTS, distinct_events: EVENTS, duplicates: 0, copies: 300, kills: kills.length, heartbeats: 3 },
    ]);
    expect(await ask('windows_wrong')).toEqual([{ windows_checked: windows, windows_wrong: 0 }]);
  });

  const first = players[0]!;
  const other = { ...first, player_id: 'player-nobody' };
  it.each<[string, LakeTable, object[], { checked: number; wrong: number }]>([
    ['a kill too many', 'player_metrics', [{ ...first, kills: first.kills + 1 }], { checked: windows, wrong: 1 }],
    ['a death too many', 'team_metrics', [{ ...teams[0]!, deaths: teams[0]!.deaths + 1 }], { checked: windows, wrong: 1 }],
    ['a player who never was', 'player_metrics', [other], { checked: windows + 1, wrong: 1 }],
    [
      'a window of another length',
      'player_metrics',
      [{ ...first, kills: first.kills + 1, window_end: '2026-11-23T18:00:11' }],
      { checked: windows + 1, wrong: 1 },
    ],
    [
      'a kill without metrics',
      'events',
      [{ ...kills[0]!, event_id: 'q-late', event_time: '2026-11-23T19:00:00.000' }],
      { checked: windows + 4, wrong: 4 },
    ],
  ])('notice %s', async (_, table, rows, { checked, wrong }) => {
    const Key = await put(table, 'wrong', rows);
    expect(await ask('windows_wrong')).toEqual([{ windows_checked: checked, windows_wrong: wrong }]);
    await aws.s3.send(new DeleteObjectCommand({ Bucket: n.bucket, Key }));
    expect(await ask('windows_wrong')).toEqual([{ windows_checked: windows, windows_wrong: 0 }]);
  });

  it('notice a wrong ratio beside right counts, and a missing row', async () => {
    const Key = await put('player_metrics', 'a', [{ ...first, kill_death_ratio: first.kill_death_ratio + 0.1 }, ...players.slice(1, -1)]);
    await aws.s3.send(new DeleteObjectCommand({ Bucket: n.bucket, Key: Key.replace('a.gz', 'again.gz') }));
    expect(await ask('windows_wrong')).toEqual([{ windows_checked: windows, windows_wrong: 2 }]);
    await put('player_metrics', 'a', players);
    expect(await ask('windows_wrong')).toEqual([{ windows_checked: windows, windows_wrong: 0 }]);
  });
});

interface Tally {
  kills: number;
  deaths: number;
  players: Set<string>;
}

/** What Flink would have written for these events. */
function metrics() {
  const byPlayer = new Map<string, Tally>();
  const byTeam = new Map<string, Tally>();
  const count = (tallies: Map<string, Tally>, key: string, player: string, side: 'kills' | 'deaths') => {
    const tally = tallies.get(key) ?? { kills: 0, deaths: 0, players: new Set<string>() };
    tally[side]++;
    tally.players.add(player);
    tallies.set(key, tally);
  };
  for (const { event_time, killer_id = '', killer_team, victim_id = '', victim_team } of kills) {
    const start = Math.floor(Date.parse(`${event_time}Z`) / 10_000) * 10_000;
    for (const [side, player, team] of [
      ['kills', killer_id, killer_team],
      ['deaths', victim_id, victim_team],
    ] as const) {
      count(byPlayer, `${start} ${player} ${team}`, player, side);
      count(byTeam, `${start} ${team}`, player, side);
    }
  }
  const iso = (time: number) => new Date(time).toISOString().replace(/\.000Z$/, '');
  const row = (start: string, { kills: killed, deaths }: Tally) => ({
    window_start: iso(Number(start)),
    window_end: iso(Number(start) + 10_000),
    kills: killed,
    deaths,
    kill_death_ratio: killed / Math.max(deaths, 1),
  });
  return {
    players: [...byPlayer].map(([key, tally]) => {
      const [start = '', player_id, team] = key.split(' ');
      return { ...row(start, tally), player_id, team };
    }),
    teams: [...byTeam].map(([key, tally]) => {
      const [start = '', team] = key.split(' ');
      return { ...row(start, tally), team, players: tally.players.size };
    }),
  };
}

const put = (table: LakeTable, name: string, rows: object[]) => putRows(aws, pipeline, table, name, rows);

/** The rows of a question's answer, numbers as numbers. */
async function ask(question: string): Promise<Record<string, string | number>[]> {
  const { text } = statements(pipeline, 'athena').find(({ name }) => name === question)!;
  const { QueryExecutionId } = await aws.athena.send(new StartQueryExecutionCommand({ QueryString: text, WorkGroup: n.workgroup }));
  const look = async () => (await aws.athena.send(new GetQueryExecutionCommand({ QueryExecutionId }))).QueryExecution?.Status;
  const status = await settled(look, (seen) => seen?.State !== 'QUEUED' && seen?.State !== 'RUNNING', { within: 20_000, what: question });
  expect(status).toMatchObject({ State: 'SUCCEEDED' });
  const { ResultSet } = await aws.athena.send(new GetQueryResultsCommand({ QueryExecutionId }));
  const [columns = [], ...rows] = (ResultSet?.Rows ?? []).map(({ Data = [] }) => Data.map(({ VarCharValue = '' }) => VarCharValue));
  return rows.map((row) => Object.fromEntries(row.map((value, i) => [columns[i], Number.isNaN(Number(value)) ? value : Number(value)])));
}
