import { ARSENAL, deviceOf, PHONE, type Player, playerOf } from './players.ts';
import { below, draw, hash, type Random } from './random.ts';
import type { EventType } from './schema.ts';

/** How many play in a match: seats 0 to 4 are red, 5 to 9 blue. */
export const SEATS = 10;

/** Which match it is, and where. */
export interface Fixture {
  run: string;
  seed: number;
  lane: number;
  /** Its number within the lane. */
  number: number;
  server: number;
  /** How many events it has. */
  length: number;
  /** The players that may be drawn for it, at least ten: `first`, `first + stride` and so on. */
  pool: { first: number; stride: number; size: number };
  /** Whether it begins with one event of every kind, so that a first crawl sees every column. */
  showcase: boolean;
}

/** A match under way: all that its next events depend on. */
export interface Match extends Random {
  number: number;
  length: number;
  showcase: boolean;
  /** How many events there have been. */
  step: number;
  /** Bit s: seat s is alive. */
  alive: number;
  dead: number;
  score: { red: number; blue: number };
  /** Milliseconds that the server adds to every round trip. */
  lag: number;
  /** JSON of match and server. */
  place: string;
  seats: Seat[];
  /** Bit s: seat s is on a phone. */
  phones: number;
  /** Of each seat, how likely it is among others to kill, and to be killed. */
  prowess: number[];
  frailty: number[];
}

/** A player in a match, with the JSON of everything that may be said of it there. */
interface Seat {
  player: Player;
  team: 'red' | 'blue';
  killer: string;
  victim: string;
  assist: string;
  self: string;
  member: string;
  session: string;
  platform: string;
  version: string;
  currency: string;
  phone?: { charge: number; network: string };
}

const RED = 0b0000011111;
const BLUE = 0b1111100000;
const ALL = RED | BLUE;
const EVEN = Array<number>(SEATS).fill(1);
/** Where neither a lane nor a player is. */
const SERVERS = -2;
const NETWORKS = ['wifi', 'wifi', '5g', '4g'];
const OBJECTIVES = [
  { points: 2, json: ',"objective":"zone","points":2' },
  { points: 2, json: ',"objective":"zone","points":2' },
  { points: 3, json: ',"objective":"flag","points":3' },
  { points: 5, json: ',"objective":"bomb","points":5' },
];
const SHOP = [
  ',"item":"ammo-crate","price_cents":99',
  ',"item":"ammo-crate","price_cents":99',
  ',"item":"emote-wave","price_cents":199',
  ',"item":"skin-winter","price_cents":499',
  ',"item":"skin-dragon","price_cents":1499',
  ',"item":"season-pass","price_cents":999',
];

/** A match before its first event. */
export function openMatch({ run, seed, lane, number, server, length, pool, showcase }: Fixture): Match {
  const random = { state: hash(seed, lane, number, 0) };
  const drawn = new Set<number>();
  while (drawn.size < SEATS) drawn.add(pool.first + pool.stride * ((draw(random, 65536) * 65536 + draw(random, 65536)) % pool.size));
  const players = [...drawn].map((n) => ({ n, player: playerOf(seed, n) }));
  const [first] = players;
  // In a match that shows everything, who sits first borrows a phone if nobody has one.
  if (showcase && first && players.every(({ player }) => player.machine !== PHONE))
    first.player = { ...first.player, machine: PHONE, device: deviceOf(seed, first.n, PHONE) };
  const seats = players.map(({ player }, s) => seatOf(player, s < SEATS / 2 ? 'red' : 'blue', random));
  const prowess = seats.map(({ player: { skill, latency } }) => Math.max(5, 20 + skill - (latency >> 2)));
  return {
    state: random.state,
    number,
    length,
    showcase,
    step: 0,
    alive: ALL,
    dead: 0,
    score: { red: 0, blue: 0 },
    lag: below(30, hash(seed, SERVERS, server, 0)),
    place: `","match_id":"${run}-${lane}-m${number}","server_id":"server-${server}"`,
    seats,
    phones: seats.reduce((bits, { phone }, s) => (phone ? bits | (1 << s) : bits), 0),
    prowess,
    frailty: prowess.map((weight) => 130 - weight),
  };
}

function seatOf(player: Player, team: 'red' | 'blue', random: Random): Seat {
  const { id, machine, device, region, currency, version } = player;
  const self = `,"player_id":"${id}"`;
  const platform = `${self},"platform":"${machine.platform}"`;
  const appVersion = `,"app_version":"${version}"`;
  const charge = 20 + draw(random, 81);
  const network = `,"network":"${NETWORKS[draw(random, NETWORKS.length)]}"`;
  return {
    player,
    team,
    killer: `,"killer_id":"${id}","killer_team":"${team}"`,
    victim: `,"victim_id":"${id}","victim_team":"${team}"`,
    assist: `,"assist_id":"${id}"`,
    self,
    member: `${self},"team":"${team}"`,
    session: `${platform},"region":"${region}","device":"${device}"${appVersion}`,
    platform,
    version: appVersion,
    currency: `,"currency":"${currency}"`,
    ...(machine === PHONE && { phone: { charge, network } }),
  };
}

/** JSON of the match's next event; `id` is how that begins, up to the last character of the event's id, and `time` the text of its time. */
export function nextEvent(match: Match, id: string, time: string): string {
  const step = match.step++;
  const left = match.length - step;
  const middle = `${time}${match.place}`;
  if (step === 0) return `${id}${MATCH_START}${middle}}`;
  if (step <= SEATS) return `${id}${SESSION_START}${middle}${match.seats[step - 1]!.session}}`;
  if (left === 1) return `${id}${MATCH_END}${middle}${result(match)}}`;
  if (left <= SEATS + 1)
    return `${id}${SESSION_END}${middle}${match.seats[SEATS + 1 - left]!.session},"duration_seconds":${300 + draw(match, 7200)}}`;
  if (match.showcase && step <= SEATS + SHOWCASE.length) return SHOWCASE[step - SEATS - 1]!(match, id, middle);
  // No match ends level: the last thing that happens is an objective, or else nothing that scores.
  if (left === SEATS + 2) return match.score.red === match.score.blue ? objective(match, id, middle) : telemetry(match, id, middle, ALL);
  return happening(match, id, middle);
}

const typed = (type: EventType) => `","event_type":"${type}","event_time":"`;
const MATCH_START = typed('match_start');
const MATCH_END = typed('match_end');
const SESSION_START = typed('session_start');
const SESSION_END = typed('session_end');
const KILL = typed('kill');
const RESPAWN = typed('respawn');
const OBJECTIVE = typed('objective');
const PURCHASE = typed('purchase');
const TELEMETRY = typed('telemetry');

/** The events with which a match begins that shows everything; nobody is dead before the last. */
const SHOWCASE = [
  (match: Match, id: string, middle: string) => telemetry(match, id, middle, match.phones),
  purchase,
  objective,
  (match: Match, id: string, middle: string) => kill(match, id, middle, true),
  respawn,
];

/** One time in ten something else than killing; the more are dead, the likelier it is that one comes back: about four are dead at a time. */
function happening(match: Match, id: string, middle: string): string {
  const chance = draw(match, 100);
  if (chance < 4) return objective(match, id, middle);
  if (chance < 6) return purchase(match, id, middle);
  if (chance < 10) return telemetry(match, id, middle, ALL);
  const oneSided = (match.alive & RED) === 0 || (match.alive & BLUE) === 0;
  if (oneSided || draw(match, 8) < match.dead) return respawn(match, id, middle);
  return kill(match, id, middle, draw(match, 4) === 0);
}

function kill(match: Match, id: string, middle: string, assisted: boolean): string {
  const { seats, alive } = match;
  const k = oneOf(match, alive, match.prowess);
  const friends = k < SEATS / 2 ? RED : BLUE;
  const v = oneOf(match, alive & ~friends, match.frailty);
  const helpers = alive & friends & ~(1 << k);
  const assist = assisted && helpers !== 0 ? seats[oneOf(match, helpers, EVEN)]!.assist : '';
  match.alive = alive & ~(1 << v);
  match.dead++;
  const killer = seats[k]!;
  match.score[killer.team]++;
  const weapon = draw(match, 2) === 0 ? killer.player.favourite : ARSENAL[draw(match, ARSENAL.length)]!;
  const metres = weapon.from + draw(match, weapon.to - weapon.from);
  const shot = `,"weapon":"${weapon.name}","distance":${metres}.${1 + draw(match, 9)}`;
  return `${id}${KILL}${middle}${killer.killer}${seats[v]!.victim}${assist}${shot}}`;
}

function respawn(match: Match, id: string, middle: string): string {
  const s = oneOf(match, ALL & ~match.alive, EVEN);
  match.alive |= 1 << s;
  match.dead--;
  return `${id}${RESPAWN}${middle}${match.seats[s]!.member}}`;
}

function objective(match: Match, id: string, middle: string): string {
  const { team, member } = match.seats[oneOf(match, match.alive, EVEN)]!;
  const { points, json } = OBJECTIVES[draw(match, OBJECTIVES.length)]!;
  match.score[team] += points;
  return `${id}${OBJECTIVE}${middle}${member}${json}}`;
}

function purchase(match: Match, id: string, middle: string): string {
  const { self, currency } = match.seats[draw(match, SEATS)]!;
  return `${id}${PURCHASE}${middle}${self}${SHOP[draw(match, SHOP.length)]!}${currency}}`;
}

function telemetry(match: Match, id: string, middle: string, among: number): string {
  const { player, platform, version, phone } = match.seats[oneOf(match, among, EVEN)]!;
  const { from, to } = player.machine.fps;
  const usual = player.latency + match.lag + draw(match, 16);
  const latency = draw(match, 32) === 0 ? usual * 4 : usual;
  const mobile = phone ? `,"battery":${phone.charge - (match.step >> 4)}${phone.network}` : '';
  return `${id}${TELEMETRY}${middle}${platform},"fps":${from + draw(match, to - from)}${mobile},"latency_ms":${latency}${version}}`;
}

function result({ score: { red, blue } }: Match): string {
  return `,"winner_team":"${red > blue ? 'red' : 'blue'}","red_score":${red},"blue_score":${blue}`;
}

/** One of the seats whose bit is set (there must be one), each as likely as its weight. */
function oneOf(match: Match, seats: number, weights: number[]): number {
  let all = 0;
  for (let s = 0; s < SEATS; s++) if ((seats >> s) & 1) all += weights[s]!;
  let left = draw(match, all);
  let s = 0;
  for (; s < SEATS; s++) {
    if (((seats >> s) & 1) === 0) continue;
    left -= weights[s]!;
    if (left < 0) break;
  }
  return s;
}
