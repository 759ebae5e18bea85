import { ok, strictEqual as same } from 'node:assert/strict';
import { ARSENAL, deviceOf, PHONE, type Player, playerOf } from '../pipeline/players.ts';
import { columnsOf, EVENT, EVENT_TYPES, type EventType, type GameEvent } from '../pipeline/schema.ts';
import type { Game } from '../pipeline/simulation.ts';

interface Member {
  player: Player;
  team?: string;
  alive: boolean;
  kills: number;
  deaths: number;
  joined: GameEvent;
  battery: number;
  network?: string;
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

const PRICES: Record<string, number> = { 'ammo-crate': 99, 'emote-wave': 199, 'skin-winter': 499, 'skin-dragon': 1499, 'season-pass': 999 };
const POINTS: Record<string, number> = { zone: 2, flag: 3, bomb: 5 };
const NETWORKS = ['wifi', '5g', '4g'];
/** By how many milliseconds a round trip may exceed the player's own, and by which factor it does now and then. */
const [SLOWER_MS, HITCH] = [44, 4];

/** Watches a lane from its first event on and throws at the first that breaks a rule of the game; so every prefix is judged. */
export function referee({ seed, lanes }: Pick<Game, 'seed' | 'lanes'>, lane: number) {
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
        const n = Number(player_id!.slice('player-'.length));
        same(n % lanes, lane, `${fault}: ${player_id} is of another lane`);
        const player = playerIn(seed, n, match.all.size === 0 && event.platform === PHONE.platform);
        same(profileOf(event), [player.machine.platform, player.region, player.device, player.version].join(), fault);
        const member = { player, alive: true, kills: 0, deaths: 0, joined: event, battery: 100 };
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

/** A player in a match; who sits first may have borrowed a phone. */
const playerIn = (seed: number, n: number, onPhone: boolean): Player => ({
  ...playerOf(seed, n),
  ...(onPhone && { machine: PHONE, device: deviceOf(seed, n, PHONE) }),
});

const profileOf = ({ platform, region, device, app_version }: GameEvent): string => [platform, region, device, app_version].join();

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
  kill({ killer_id, killer_team, victim_id, victim_team, assist_id, weapon: name, distance }, match, fault) {
    ok(killer_id !== victim_id && killer_team !== victim_team, `${fault}: of one's own`);
    const killer = inTeam(match, killer_id!, killer_team!, fault);
    const victim = inTeam(match, victim_id!, victim_team!, fault);
    ok(killer.alive, `${fault}: by the dead ${killer_id}`);
    ok(victim.alive, `${fault}: of the dead ${victim_id}`);
    const weapon = ARSENAL.find((each) => each.name === name);
    ok(weapon && distance! > weapon.from && distance! < weapon.to, `${fault}: by ${name} from ${distance} metres`);
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
  objective({ player_id, team, objective, points }, match, fault) {
    same(points, POINTS[objective!], `${fault}: for a ${objective}`);
    ok(inTeam(match, player_id!, team!, fault).alive, `${fault}: by the dead ${player_id}`);
    match.score[team!]! += points!;
  },
  purchase({ player_id, item, price_cents, currency }, match, fault) {
    same(price_cents, PRICES[item!], `${fault}: ${item}`);
    same(currency, match.inside.get(player_id!)!.player.currency, fault);
  },
  telemetry({ player_id, platform, app_version, fps, battery, network, latency_ms }, match, fault) {
    const member = match.inside.get(player_id!)!;
    const { machine, latency, version } = member.player;
    same(`${platform} ${app_version}`, `${machine.platform} ${version}`, fault);
    ok(fps! >= machine.fps.from && fps! < machine.fps.to, `${fault}: ${fps} pictures a second on a ${platform}`);
    const isUsual = (ms: number) => ms >= latency && ms <= latency + SLOWER_MS;
    ok(isUsual(latency_ms!) || (latency_ms! % HITCH === 0 && isUsual(latency_ms! / HITCH)), `${fault}: ${latency_ms} ms of ${latency}`);
    same(battery !== undefined, platform === 'phone', fault);
    same(network !== undefined, platform === 'phone', fault);
    if (battery === undefined || network === undefined) return;
    ok(battery > 0 && battery <= member.battery, `${fault}: battery ${battery} after ${member.battery}`);
    ok(NETWORKS.includes(network), `${fault}: over ${network}`);
    same(network, member.network ?? network, `${fault}: another network`);
    Object.assign(member, { battery, network });
  },
  session_end(event, match, fault) {
    same(profileOf(event), profileOf(match.inside.get(event.player_id!)!.joined), fault);
    ok(event.duration_seconds! >= 300 && event.duration_seconds! < 7500, `${fault}: ${event.duration_seconds} seconds`);
    match.inside.delete(event.player_id!);
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
