import { createHash } from 'node:crypto';
import type { Table } from './journal.ts';

/**
 * Seconds that AWS takes for each transition. Estimates: AWS publishes none, these are what users of its services commonly see. No code outside of `local/` may
 * know them.
 */
const SECONDS = {
  'stream create': 15,
  'stream update': 25,
  'stream delete': 20,
  'delivery create': 45,
  'delivery delete': 40,
  'application start': 150,
  'application stop': 45,
  'application update': 20,
  'application delete': 15,
  crawl: 75,
  'crawler stop': 20,
  query: 1.5,
  'data source': 6,
  analysis: 4,
  'dashboard version': 4,
  ingestion: 20,
  'role spread': 12,
} as const satisfies Record<string, number>;

/** Something that takes AWS time. */
export type Transition = keyof typeof SECONDS;

/** One duration as it was drawn, in milliseconds; the `id` of a thing's second time is `<id>/2`. */
export interface Drawn {
  transition: Transition;
  id: string;
  milliseconds: number;
}

/** How long AWS takes: `instant` no time at all, `aws` as AWS does. */
export interface Behaviour {
  profile?: 'instant' | 'aws';
  /** Everything takes this many times less. */
  speed?: number;
  /** What the durations are drawn by. */
  seed?: number;
  /** Milliseconds that every transition takes, whatever the profile; for tests. */
  settle?: number;
  /** Milliseconds for single transitions, before anything else counts; for tests. */
  durations?: Partial<Record<Transition, number>>;
}

/** The durations of one run of the local AWS. */
export interface Durations {
  /** Notes that a transition of the thing called `id` begins: each time it is drawn anew. What is never begun by name takes the same always. */
  begins(transition: Transition, id: string): void;
  /** Milliseconds that the latest such transition takes; the same each time it is asked. */
  takes(transition: Transition, id: string): number;
  /** Every duration asked for so far. */
  drawn(): Drawn[];
}

/**
 * Each duration is drawn within 40 % of AWS's, by the seed, the transition, the thing and how often it went through it, which `begun` keeps: so a run can be
 * repeated, and a restart changes nothing of what is under way.
 */
export function durations(
  { profile = 'instant', speed = 1, seed = 1, settle, durations: given = {} }: Behaviour,
  begun: Pick<Table<number>, 'get' | 'set'> = new Map<string, number>(),
): Durations {
  const all = new Map<string, Drawn>();
  const fixedOf = (transition: Transition) => given[transition] ?? settle ?? (profile === 'instant' ? 0 : undefined);
  const draw = (transition: Transition, id: string): number =>
    fixedOf(transition) ?? (SECONDS[transition] * 1000 * (0.6 + 0.8 * fraction(`${seed}/${transition}/${id}`))) / speed;
  return {
    begins: (transition, id) => {
      const key = `${transition}/${id}`;
      if (fixedOf(transition) === undefined) begun.set(key, (begun.get(key) ?? 0) + 1);
    },
    takes: (transition, name) => {
      const times = begun.get(`${transition}/${name}`) ?? 1;
      const id = times === 1 ? name : `${name}/${times}`;
      const key = `${transition}/${id}`;
      const known = all.get(key);
      if (known) return known.milliseconds;
      const milliseconds = draw(transition, id);
      if (milliseconds > 0) all.set(key, { transition, id, milliseconds });
      return milliseconds;
    },
    drawn: () => [...all.values()],
  };
}

/** A number from 0 up to 1 that looks random and depends on the text alone. */
export const fraction = (text: string): number => createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32;
