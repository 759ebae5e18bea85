import { DescribeStreamSummaryCommand, type KinesisClient } from '@aws-sdk/client-kinesis';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { HOUR_MS } from '../../pipeline/time.ts';
import { RANGES } from '../../pipeline/windows.ts';
import type { Clients } from '../aws.ts';
import { undefinedIfMissing } from '../errors.ts';
import { agreedAt } from '../s3/last-audit.ts';
import { firstEventAt } from '../s3/ledger.ts';
import { onTheWay } from '../sql.ts';

/** From when on an audit counts what; milliseconds since the epoch, 0: from the beginning. */
export interface AuditScope {
  since: number;
  /** The stream has forgotten what is older than its retention, and one that was made anew never had what came before it. */
  streamSince: number;
  /** The metrics: as of an audit by hand, otherwise since the last audit that agreed, so that no window is left out between two. */
  windowsSince: number;
  /** True when this leaves out nothing, of all that is kept, between the last audit that agreed and now. */
  isNext: boolean;
  /** Up to when everything agreed, by the last audit that found no fault. */
  agreedAt?: number;
}

/** What is asked for; hours that are `null`, as JSON has of a number that is none, are left out. */
export interface ScopeRequest {
  hours?: number | null;
  onSchedule?: boolean;
}

/** Records go a while before, or after, their time. */
const FORGETTING_MS = 600_000;

/** Finds out from when on an audit can, and is to, count. */
export function auditScopeActivities({ s3, kinesis }: Pick<Clients, 's3' | 'kinesis'>) {
  return {
    'audit.scope': async (pipeline: Pipeline, { hours: within, onSchedule = false }: ScopeRequest): Promise<AuditScope> => {
      const now = Date.now();
      const hours = within ?? undefined;
      const [agreed, first, made] = await Promise.all([agreedAt(s3, pipeline), firstEventAt(s3, pipeline), madeAt(kinesis, pipeline)]);
      const back = (many: number) => Math.max(0, now - many * HOUR_MS);
      // No engine compares the metrics of all times at once, and older ones were compared when they were new.
      const sinceLast = Math.max(back(RANGES.recent), Math.min(back(RANGES.latest), agreed === undefined ? 0 : agreed - leftOut(pipeline)));
      const isAsked = hours !== undefined && !onSchedule;
      const { streamHours, lakeDays } = pipeline.keep;
      const oldest = back(24 * lakeDays) + FORGETTING_MS;
      const kept = first < oldest ? oldest : 0;
      const onAws = pipeline.target === 'aws';
      const asked = hours === undefined ? 0 : back(hours);
      // A loss is told of until it is mended, or no longer kept. On AWS all reading costs time and money, so that what agreed once is not read again.
      const unread = agreed === undefined ? 0 : agreed - FORGETTING_MS;
      const wanted = onAws && agreed !== undefined ? unread : Math.min(asked, unread);
      const since = Math.max(onSchedule ? wanted : asked, kept);
      // There a full shard is read half as fast as it is written: what is older would be forgotten before its turn.
      const readable = onAws ? back(streamHours / 2) : back(streamHours) + FORGETTING_MS;
      return {
        since,
        // Without a stream there is nothing to compare in it.
        streamSince: Math.max(since, readable, made ?? now),
        isNext: since <= Math.max(kept, agreed ?? first),
        windowsSince: isAsked ? back(hours) : sinceLast,
        ...(agreed !== undefined && { agreedAt: agreed }),
      };
    },
  };
}

/** How far before the moment of an audit the windows end that it did not compare, since they might be on their way; in milliseconds. */
const leftOut = (pipeline: Pipeline): number => onTheWay(pipeline) * 1000 + FORGETTING_MS;

/** When the events' stream was made. */
async function madeAt(kinesis: KinesisClient, pipeline: Pipeline): Promise<number | undefined> {
  const look = kinesis.send(new DescribeStreamSummaryCommand({ StreamName: names(pipeline).streams.events }));
  return (await undefinedIfMissing(look, 'ResourceNotFoundException'))?.StreamDescriptionSummary?.StreamCreationTimestamp?.getTime();
}
