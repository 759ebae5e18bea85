import { ok, strictEqual as same } from 'node:assert/strict';
import { columnsOf, EVENT, EVENT_TYPES, type EventType, type GameEvent } from '../pipeline/schema.ts';

interface Member {
  team?: string;
  alive: boolean;
  kills: number;
  deaths: number;
  joined: GameEvent;
  battery: number;
}

interface Tally {
  server: string;
  latest: string;
  over: boolean;
  /** Everybody who has joined, in and out. */
  all: Map<string, Member>;
  inside: Map<string, Member>;
  score: Record<string, number>;
}

const ORDER = Object.keys(EVENT) as (keyof typeof EVENT)[];
const COLUMNS = new Map(Object.keys(EVENT_TYPES).map((type) => [type, columnsOf(type)]));
const VALUES = {
  string: '"[\\w.-]+"',
  timestamp: '"\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}"',
  int: '\\d+',
  bigint: '\\d+',
  double: '\\d+\\.\\d+',
};
/** How an event with these fields must look. */
const PATTERNS = new Map<string, RegExp>();

/** Whether an event carries what its type should, in the schema's order, and every value is of its column's type as the text has it. */
export function checkFields(event: GameEvent, json = JSON.stringify(event)): void {
  const fields = Object.keys(event).join();
  let pattern = PATTERNS.get(`${event.event_type} ${fields}`);
  if (pattern === undefined) {
    const { always, sometimes } = COLUMNS.get(event.event_type) ?? { always: [], sometimes: [] };
    const wanted = ORDER.filter((name) => always.includes(name) || (sometimes.includes(name) && name in event));
    same(fields, wanted.join(), json);
    pattern = new RegExp(`^\\{${wanted.map((name) => `"${name}":${VALUES[EVENT[name].type]}`).join()}\\}$`);
    PATTERNS.set(`${event.event_type} ${fields}`, pattern);
  }
  ok(pattern.test(json), json);
}

/** Watches a lane from its first event on and throws at the first that breaks a rule of the game; so every prefix is judged. */
export function referee(lane: number, lanes: number) {
  const matches = new Map<string, Tally>();
  const playing = new Map<string, string>();
  let kills = 0;
  return {
    matches,
    get kills() {
      return kills;
    },
    see(event: GameEvent): void {
      const { event_type: type, match_id: id } = event;
      const fault = `${type} ${event.event_id}`;
      if (type === 'match_start') {
        ok(!matches.has(id), `${fault}: a second start`);
        const nobody = () => new Map<string, Member>();
        const score = { red: 0, blue: 0 };
        matches.set(id, { server: event.server_id, latest: event.event_time, over: false, all: nobody(), inside: nobody(), score });
        return;
      }
      const match = matches.get(id);
      ok(match && !match.over, `${fault}: the match is not on`);
      same(event.server_id, match.server, `${fault}: another server`);
      ok(event.event_time >= match.latest, `${fault}: before ${match.latest}`);
      match.latest = event.event_time;
      const { killer_id, victim_id, assist_id, player_id } = event;
      if (type === 'session_start') {
        ok(!playing.has(player_id!), `${fault}: ${player_id} still plays in ${playing.get(player_id!)}`);
        ok(!match.all.has(player_id!) && match.all.size < 10, `${fault}: no seat for ${player_id}`);
        same(Number(player_id!.slice('player-'.length)) % lanes, lane, `${fault}: ${player_id} is of another lane`);
        const member = { alive: true, kills: 0, deaths: 0, joined: event, battery: 101 };
        match.all.set(player_id!, member);
        match.inside.set(player_id!, member);
        playing.set(player_id!, id);
        return;
      }
      for (const player of [killer_id, victim_id, assist_id, player_id])
        ok(player === undefined || match.inside.has(player), `${fault}: ${player} is not in the match`);
      rules[type]?.(event, match, fault);
      if (type === 'kill') kills++;
      if (type === 'session_end') playing.delete(player_id!);
    },
    /** Everybody who plays now, and where. */
    playing,
  };
}

/** Teams are fixed, five each at most. */
function inTeam(match: Tally, player: string, team: string, fault: string): Member {
  const member = match.inside.get(player)!;
  ok(team === 'red' || team === 'blue', fault);
  same(member.team ?? team, team, `${fault}: ${player} has changed teams`);
  member.team = team;
  const mates = [...match.all.values()].filter((each) => each.team === team);
  ok(mates.length <= 5, `${fault}: ${mates.length} in team ${team}`);
  return member;
}

/** As killers of one team and as victims of the other, who has been seen to kill and to die. */
function balanced(match: Tally, fault: string): void {
  const sum = { red: { kills: 0, deaths: 0 }, blue: { kills: 0, deaths: 0 } };
  for (const { team, kills, deaths } of match.all.values()) {
    if (team === undefined) continue;
    sum[team as 'red' | 'blue'].kills += kills;
    sum[team as 'red' | 'blue'].deaths += deaths;
  }
  same(sum.red.kills, sum.blue.deaths, fault);
  same(sum.blue.kills, sum.red.deaths, fault);
}

const rules: Partial<Record<EventType, (event: GameEvent, match: Tally, fault: string) => void>> = {
  kill({ killer_id, killer_team, victim_id, victim_team, assist_id }, match, fault) {
    ok(killer_id !== victim_id && killer_team !== victim_team, `${fault}: of one's own`);
    const killer = inTeam(match, killer_id!, killer_team!, fault);
    const victim = inTeam(match, victim_id!, victim_team!, fault);
    ok(killer.alive, `${fault}: by the dead ${killer_id}`);
    ok(victim.alive, `${fault}: of the dead ${victim_id}`);
    if (assist_id !== undefined) {
      ok(assist_id !== killer_id, `${fault}: ${assist_id} assists himself`);
      ok(inTeam(match, assist_id, killer_team!, fault).alive, `${fault}: the dead ${assist_id} assists`);
    }
    victim.alive = false;
    victim.deaths++;
    killer.kills++;
    match.score[killer_team!]!++;
    balanced(match, fault);
  },
  respawn({ player_id, team }, match, fault) {
    const member = inTeam(match, player_id!, team!, fault);
    ok(!member.alive, `${fault}: of the living ${player_id}`);
    member.alive = true;
  },
  objective({ player_id, team, points }, match, fault) {
    ok(inTeam(match, player_id!, team!, fault).alive, `${fault}: by the dead ${player_id}`);
    match.score[team!]! += points!;
  },
  telemetry({ player_id, platform, app_version, battery, network }, match, fault) {
    const member = match.inside.get(player_id!)!;
    same(`${platform} ${app_version}`, `${member.joined.platform} ${member.joined.app_version}`, fault);
    same(battery !== undefined, platform === 'phone', fault);
    same(network !== undefined, platform === 'phone', fault);
    ok((battery ?? 1) > 0 && (battery ?? 0) <= member.battery, `${fault}: battery ${battery} after ${member.battery}`);
    member.battery = battery ?? member.battery;
  },
  session_end({ player_id, platform, region, device, app_version }, match, fault) {
    const { joined } = match.inside.get(player_id!)!;
    const was = [joined.platform, joined.region, joined.device, joined.app_version];
    same([platform, region, device, app_version].join(), was.join(), fault);
    match.inside.delete(player_id!);
  },
  match_end({ winner_team, red_score, blue_score }, match, fault) {
    same(match.inside.size, 0, `${fault}: somebody is still inside`);
    same(match.all.size, 10, fault);
    same(`${red_score}:${blue_score}`, `${match.score.red}:${match.score.blue}`, `${fault}: the score`);
    same(winner_team, match.score.red! > match.score.blue! ? 'red' : 'blue', `${fault}: the winner`);
    ok(red_score !== blue_score, `${fault}: level`);
    match.over = true;
  },
};
