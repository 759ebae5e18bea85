import { createHash } from 'node:crypto';

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

/** One duration as it was drawn, in milliseconds. */
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
  /** Milliseconds that a transition of the thing called `id` takes; the same each time it is asked. */
  takes(transition: Transition, id: string): number;
  /** Every duration asked for so far. */
  drawn(): Drawn[];
}

/** Each duration is drawn within 40 % of AWS's, by the seed, the transition and the thing: so a run can be repeated, and a restart changes nothing. */
export function durations({ profile = 'instant', speed = 1, seed = 1, settle, durations: given = {} }: Behaviour): Durations {
  const all = new Map<string, Drawn>();
  const draw = (transition: Transition, id: string): number => {
    const fixed = given[transition] ?? settle;
    if (fixed !== undefined) return fixed;
    if (profile === 'instant') return 0;
    return (SECONDS[transition] * 1000 * (0.6 + 0.8 * fraction(`${seed}/${transition}/${id}`))) / speed;
  };
  return {
    takes: (transition, id) => {
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
