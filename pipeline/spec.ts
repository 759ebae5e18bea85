import { z } from 'zod';
import { duration, milliseconds } from './duration.ts';
import { peakOf, rateSchema } from './rate.ts';
import { OVERLAPS, REFRESHED, REFRESHES_A_DAY, SCHEDULED } from './schedules.ts';
import { DAY_MS } from './time.ts';

/** How often something is done. */
const cadence = duration('10 seconds');

/** Records a second that a shard takes, and how many it is sent at most: AWS counts over a moment of its own choosing. */
export const SHARD_RECORDS = 1000;
export const SHARD_SENT = 950;
/** Events a second that a lane sends at most: in aggregates, of up to 248 bytes with what is around them; a record each, beside the heartbeats, when none are aggregated. */
const SHARD_AGGREGATED = 4000;
/** Of the bytes of an event those of its malformed half. */
const HALF = 0.52;
const HEARTBEATS = 2;
const SHARD_SINGLE = SHARD_SENT - HEARTBEATS;
const PLAYERS_A_SHARD = 10;
const share = z.number().min(0).max(1).default(0);

/** Regions whose ARNs do not begin with `arn:aws:`. */
const OTHER_PARTITIONS = /^(cn|us-gov|us-iso[a-z]*|eu-iso[a-z]*|eusc)-/;

/** What one pipeline is: everything that a user may set, with the limits that AWS has. Both targets accept the same. */
const specSchema = z
  .strictObject({
    name: z
      .string()
      .regex(
        /^[a-z][a-z0-9-]{1,28}[a-z0-9]$/,
        'must be 3 to 30 lower-case letters, digits and hyphens, a letter first (it becomes part of bucket and stream names)',
      )
      .default('data2dashboard'),
    region: z
      .string()
      .regex(/^[a-z]{2,4}(-[a-z]+)+-\d$/, "must be an AWS region, as 'us-east-1'")
      .refine(
        (region) => !OTHER_PARTITIONS.test(region),
        'must be in the partition aws, not of China, GovCloud, a sovereign or an isolated cloud',
      )
      .default('us-east-1'),
    target: z.enum(['local', 'aws']).default('local'),
    /** Open shards of the events stream, and thereby the parallelism of the SQL. Flink spreads more than ten unevenly, and then loses rows in silence. */
    shards: z.int().min(1).max(10, 'must be at most 10: Flink would lose rows of more').default(2),
    generator: z
      .strictObject({
        /** Events per second, or their course in time. */
        rate: rateSchema.default(100),
        /** Stop after this many events; left out: go on for ever. */
        total: z.int().positive().optional(),
        seed: z.int().min(0).max(0xffff_ffff).default(1),
        /** Left out: 40, or ten for every shard, as each shard has matches of its own. */
        players: z.int().min(10).max(100_000).optional(),
        /**
         * In records of KPL's format a shard takes thousands of events a second, otherwise 1,000. Left out: if the rate needs it, and for events that have to wait for
         * another of their match. `false`: with `ordered`, a match then takes one event a round trip to the stream.
         */
        aggregate: z.boolean().optional(),
        /** The events of a match reach the stream in their order, whatever is refused on the way. */
        ordered: z.boolean().default(true),
        /** Shares of the events that trouble is made with on purpose. */
        trouble: z
          .strictObject({ late: share, duplicate: share, malformed: share, oversized: share })
          .prefault({})
          .refine(
            ({ late, duplicate, malformed, oversized }) => late + duplicate + malformed + oversized <= 1,
            'must be shares of at most 1 together',
          ),
      })
      .prefault({}),
    /** Length of the tumbling windows of the metrics, in seconds. */
    windowSeconds: z.int().min(1).max(3600).default(10),
    delivery: z.strictObject({ seconds: z.int().min(0).max(900).default(30), megabytes: z.int().min(1).max(128).default(5) }).prefault({}),
    schedules: z
      .strictObject({
        crawl: cadence.default('5 minutes'),
        /** How often questions are asked, but for retention: that has its own, in `each`, or a day. */
        queries: cadence.default('5 minutes'),
        refresh: cadence.default('1 hour'),
        /** How often every event is counted everywhere, back to the last audit that agreed; on target `local` those of the last day in any case. */
        audit: cadence.default('1 hour'),
        /** How often the pipeline looks whether everything still is as the spec wants it. */
        drift: cadence.default('5 minutes'),
        /** What becomes of a run that falls due while the one before still goes. */
        overlap: z.enum(OVERLAPS).default('skip'),
        /** How late a run may still be made that fell due while Temporal was down; later ones are counted as missed. */
        catchup: cadence.default('1 minute'),
        /** Own settings of `crawl`, of a question or of a data set, by its name. */
        each: z
          .record(
            z.string(),
            z.strictObject({ every: cadence.optional(), overlap: z.enum(OVERLAPS).optional(), catchup: cadence.optional() }),
          )
          .default({}),
      })
      .prefault({})
      .superRefine(({ refresh, each }, context) => {
        for (const name of Object.keys(each))
          if (!SCHEDULED.some((known) => known === name))
            context.addIssue({ code: 'custom', path: ['each', name], message: `is not scheduled; there are ${SCHEDULED.join(', ')}` });
        const cadences = [
          { path: ['refresh'], every: refresh },
          ...REFRESHED.map((name) => ({ path: ['each', name, 'every'], every: each[name]?.every })),
        ];
        for (const { path, every = '1 day' } of cadences) {
          const perDay = DAY_MS / milliseconds(every);
          const most = REFRESHES_A_DAY.enterprise;
          if (Number.isFinite(perDay) && perDay > most)
            context.addIssue({ code: 'custom', path, message: `is ${Math.ceil(perDay)} refreshes a day; QuickSight allows ${most}` });
        }
      }),
    /** What is done about a resource that somebody changed or deleted behind the pipeline's back. */
    drift: z.enum(['heal', 'report']).default('heal'),
    /** US dollars; a pipeline that costs more pauses by itself, the Studio application included. */
    maxHourlyCost: z.number().positive().optional(),
    /** US dollars of one day, UTC. */
    maxDailyCost: z.number().positive().optional(),
    /** Further tags for everything that carries tags. */
    tags: z
      .record(
        z
          .string()
          .regex(
            /^(?!aws:|data2dashboard:)[\p{L}\p{N} _.:/=+\-@]{1,128}$/u,
            "must be a tag's key, and not begin with aws: or data2dashboard:",
          ),
        z.string().regex(/^[\p{L}\p{N} _.:/=+\-@]{1,256}$/u, "must be a tag's value, and not empty"),
      )
      .refine((tags) => Object.keys(tags).length <= 40, 'must be at most 40')
      .default({}),
    keep: z
      .strictObject({
        /** How long the streams keep their records, in hours. */
        streamHours: z.int().min(24).max(8760).default(24),
        lakeDays: z.int().min(1).default(365),
        resultDays: z.int().min(1).default(7),
        logDays: z.literal([1, 3, 5, 7, 14, 30, 60, 90]).default(14),
      })
      .prefault({}),
    /** Who sees the QuickSight assets: the ARN of a QuickSight user or group. Wanted for target `aws`. */
    quicksightPrincipal: z
      .string()
      .regex(/^arn:aws:quicksight:[a-z0-9-]+:\d{12}:(user|group)\/.+$/, 'must be the ARN of a QuickSight user or group')
      .optional(),
    /** Only for target `local`. `crawl`: a faster timer for a demonstration, in place of that in `schedules`. */
    local: z
      .strictObject({
        crawl: cadence.default('1 minute'),
        /** How long the local AWS takes for what AWS takes time for. */
        profile: z.enum(['instant', 'aws']).default('instant'),
        /** Makes the durations of profile `aws`, and our own timers with them, this many times shorter. */
        speed: z.number().min(1).max(10_000).default(1),
      })
      .prefault({}),
  })
  .superRefine((spec, context) => {
    if (spec.target === 'aws' && spec.quicksightPrincipal === undefined)
      context.addIssue({
        code: 'custom',
        path: ['quicksightPrincipal'],
        message: 'is needed for target aws: assets without a principal are visible to nobody',
      });
    const { rate, players } = spec.generator;
    const peak = peakOf(rate) ?? 0;
    const each = shardTakes(spec);
    if (peak > spec.shards * each)
      context.addIssue({
        code: 'custom',
        path: ['generator', 'rate'],
        message: `of ${peak} events/s needs ${Math.ceil(peak / each)} shards (${each} events/s each${singly(spec)}), not ${spec.shards}`,
      });
    if (players !== undefined && players < spec.shards * PLAYERS_A_SHARD)
      context.addIssue({
        code: 'custom',
        path: ['generator', 'players'],
        message: `must be at least ${spec.shards * PLAYERS_A_SHARD} for ${spec.shards} shards: each has matches of its own, of ten players`,
      });
  })
  .transform(({ generator, ...spec }) => ({
    ...spec,
    generator: { ...generator, players: generator.players ?? Math.max(40, spec.shards * PLAYERS_A_SHARD) },
  }));

type Aggregating = { generator: { aggregate?: boolean | undefined; trouble: { duplicate: number; malformed: number } } };

/**
 * Events a second that one shard takes. A second copy and a malformed one on purpose count against that: singly each is a record more, in aggregates it takes its bytes.
 */
export function shardTakes({ generator: { aggregate, trouble } }: Aggregating): number {
  const { duplicate, malformed } = trouble;
  if (aggregate === false) return Math.floor(SHARD_SINGLE / (1 + duplicate + malformed));
  return Math.floor(SHARD_AGGREGATED / (1 + duplicate + HALF * malformed));
}

/** Why that is so few, if it is. */
export const singly = ({ generator }: { generator: { aggregate?: boolean | undefined } }): string =>
  generator.aggregate === false ? ', as none are aggregated' : '';

/** Whether events go in records of KPL's format: all, none, or those that have to wait for another of their match. */
export const aggregation = ({ generator, shards }: Pick<Spec, 'generator' | 'shards'>): boolean | 'queued' => {
  const { aggregate, rate, ordered } = generator;
  // Where nothing has to wait for its like, what does not go in aggregates goes singly.
  const unaggregated = ordered ? SHARD_RECORDS : shardTakes({ generator: { ...generator, aggregate: false } });
  return aggregate ?? ((peakOf(rate) ?? Number.POSITIVE_INFINITY) > shards * unaggregated || 'queued');
};

/** A checked spec. */
export type Spec = z.output<typeof specSchema>;

/** A spec together with the account it runs in, which is all that names and resources need. */
export type Pipeline = Spec & { account: string };

/** How many times faster than on AWS time passes for this pipeline. */
export const speedOf = ({ target, local }: Pick<Spec, 'target' | 'local'>): number => (target === 'local' ? local.speed : 1);

/** Every fault of a spec, one line each, with its path. */
export class SpecError extends Error {
  constructor(
    readonly source: string,
    readonly faults: string[],
  ) {
    super(`${source} has ${faults.length} fault${faults.length === 1 ? '' : 's'}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = 'SpecError';
  }
}

/** Checks a spec as written (undefined: all defaults); throws SpecError with every fault. `source` names the file in the message. */
export function parseSpec(written: unknown, source = 'the spec'): Spec {
  const result = specSchema.safeParse(written ?? {});
  if (result.success) return result.data;
  const faults = result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => `${[...issue.path, key].join('.')}: is not a known field`)
      : [`${issue.path.join('.') || '(top level)'}: ${issue.message}`],
  );
  throw new SpecError(source, faults);
}
