import { below, hash } from './random.ts';

/** A weapon, and from how many metres up to below how many it kills. */
export interface Weapon {
  name: string;
  from: number;
  to: number;
}

const RIFLE = { name: 'rifle', from: 5, to: 90 };
const SMG = { name: 'smg', from: 2, to: 40 };
const PISTOL = { name: 'pistol', from: 1, to: 30 };
const SHOTGUN = { name: 'shotgun', from: 1, to: 12 };
const SNIPER = { name: 'sniper', from: 40, to: 400 };
const GRENADE = { name: 'grenade', from: 4, to: 35 };
const CROSSBOW = { name: 'crossbow', from: 8, to: 60 };
const KNIFE = { name: 'knife', from: 0, to: 2 };

/** Every weapon, as often as it is taken up in sixteen times. */
export const ARSENAL: readonly Weapon[] = [
  ...[RIFLE, RIFLE, RIFLE, RIFLE, SMG, SMG, SMG, PISTOL, PISTOL],
  ...[SHOTGUN, SHOTGUN, SNIPER, SNIPER, GRENADE, CROSSBOW, KNIFE],
];

/** What a player plays on, and how many pictures a second it draws. */
export interface Machine {
  platform: 'pc' | 'console' | 'phone';
  devices: readonly string[];
  fps: { from: number; to: number };
  /** What it adds to the round trip, in milliseconds. */
  latency: number;
}

export const PHONE: Machine = {
  platform: 'phone',
  devices: ['iphone-15', 'iphone-se', 'galaxy-s24', 'pixel-8', 'redmi-13'],
  fps: { from: 24, to: 61 },
  latency: 25,
};
const PC: Machine = { platform: 'pc', devices: ['windows', 'linux', 'mac'], fps: { from: 60, to: 166 }, latency: 0 };
const CONSOLE: Machine = {
  platform: 'console',
  devices: ['playstation-5', 'xbox-series-x', 'switch'],
  fps: { from: 30, to: 121 },
  latency: 5,
};
const MACHINES = [PC, PC, PC, PC, CONSOLE, CONSOLE, CONSOLE, PHONE, PHONE, PHONE] as const;

const REGIONS = [
  { region: 'eu-west', currency: 'EUR', latency: 15 },
  { region: 'eu-north', currency: 'EUR', latency: 25 },
  { region: 'us-east', currency: 'USD', latency: 20 },
  { region: 'us-west', currency: 'USD', latency: 35 },
  { region: 'uk', currency: 'GBP', latency: 20 },
  { region: 'br-south', currency: 'BRL', latency: 60 },
] as const;

const VERSIONS = ['2.4.1', '2.4.1', '2.4.1', '2.4.0', '2.4.0', '2.3.7'] as const;

/** Who somebody is in every match. */
export interface Player {
  id: string;
  /** From 0 to 99; most lie in the middle. */
  skill: number;
  machine: Machine;
  device: string;
  region: string;
  currency: string;
  version: string;
  favourite: Weapon;
  /** Round trip in milliseconds when all is well. */
  latency: number;
}

/** Player number `n` of all games of this seed. */
export function playerOf(seed: number, n: number): Player {
  const machine = chosen(MACHINES, seed, n, 1);
  const { region, currency, latency } = chosen(REGIONS, seed, n, 2);
  return {
    id: `player-${n}`,
    skill: lot(50, seed, n, 3) + lot(51, seed, n, 4),
    machine,
    device: deviceOf(seed, n, machine),
    region,
    currency,
    version: chosen(VERSIONS, seed, n, 5),
    favourite: chosen(ARSENAL, seed, n, 6),
    latency: latency + machine.latency + lot(40, seed, n, 7),
  };
}

/** Which of a machine's devices the player has. */
export const deviceOf = (seed: number, n: number, { devices }: Machine): string => chosen(devices, seed, n, 8);

/** Where no lane is. */
const PLAYERS = -1;
const lot = (end: number, seed: number, n: number, salt: number): number => below(end, hash(seed, PLAYERS, n, salt));
const chosen = <Item>(items: readonly Item[], seed: number, n: number, salt: number): Item => items[lot(items.length, seed, n, salt)]!;
