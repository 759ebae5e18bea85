/** Scrambles 32 bits so that each depends on all (the finaliser of MurmurHash3). */
function mix(bits: number): number {
  let h = bits ^ (bits >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** 32 bits that depend on all of: a seed, where (a lane, say), a number of up to 53 bits, and what they are for. */
export function hash(seed: number, where: number, number: number, salt: number): number {
  let h = mix(seed + 0x9e3779b9);
  h = mix(h ^ (where + 0x9e3779b9));
  h = mix(h ^ number);
  h = mix(h ^ (Math.floor(number / 2 ** 32) + 0x9e3779b9));
  return mix(h ^ salt);
}

/** A whole number from 0 to below `n`, at most 65,536, out of 32 bits. */
export const below = (n: number, bits: number): number => ((bits >>> 16) * n) >>> 16;

/** State of a sequence of random bits: 32 bits that may be stored and compared. */
export interface Random {
  state: number;
}

/** The next number of a sequence, from 0 to below `n`, at most 65,536. */
export function draw(random: Random, n: number): number {
  random.state = (random.state + 0x9e3779b9) | 0;
  return below(n, mix(random.state));
}
