import { PRICES, perMonth } from './cost.ts';

/** What a thing costs by standing there, whoever uses it: US dollars an hour on AWS, and what that is made of. */
export interface Standing {
  perHour: number;
  basis: string;
}

/** Of a thing whose use alone AWS bills. */
export const BY_USE: Standing = { perHour: 0, basis: 'only its use is billed' };

const FREE_HOURS = 24;
const GB = 1024 ** 3;

/** A Kinesis stream: its shards, and what they keep beyond the first day; one on demand costs by the hour, and is billed for what it takes besides. */
export function ofStream(shards: number, retentionHours: number, isOnDemand = false): Standing {
  if (isOnDemand) return { perHour: PRICES.onDemandHour, basis: 'on demand, without its use' };
  const kept = retentionHours > FREE_HOURS ? PRICES.retentionShardHour : 0;
  const basis = shards === 1 ? '1 shard' : `${shards} shards`;
  return { perHour: shards * (PRICES.shardHour + kept), basis: kept > 0 ? `${basis}, ${retentionHours} h of retention` : basis };
}

/** A Studio application: its KPUs, unless it is stopped. */
export const ofStudio = (parallelism: number, isStopped: boolean): Standing =>
  isStopped
    ? { perHour: 0, basis: 'stopped' }
    : { perHour: (parallelism + PRICES.studioKpus) * PRICES.kpuHour, basis: `${parallelism} + ${PRICES.studioKpus} KPU` };

/** A Glue crawler: nothing, unless it crawls. */
export const ofCrawler = (isCrawling: boolean): Standing =>
  isCrawling ? { perHour: PRICES.crawlDpus * PRICES.dpuHour, basis: 'while it crawls' } : BY_USE;

/** A bucket: what it holds; `isAll` false: of the objects looked at, and there are more. */
export const ofBucket = (bytes: number, isAll: boolean): Standing => ({
  perHour: ((bytes / GB) * PRICES.s3GbMonth) / perMonth(1),
  basis: `${isAll ? '' : 'more than '}${(bytes / GB).toPrecision(2)} GB`,
});

/** What several things cost together, an hour. */
export const sumOf = (all: (Standing | undefined)[]): number => all.reduce((sum, each) => sum + (each?.perHour ?? 0), 0);
