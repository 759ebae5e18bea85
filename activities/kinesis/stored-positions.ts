import type { PutRecordsResultEntry } from '@aws-sdk/client-kinesis';
import { isAfter, type ShardPosition } from './read-back.ts';
import type { Batch } from './shard-queue.ts';

/** The latest record that is acknowledged, by hash keys. */
export interface StoredPositions {
  of(hashKey: string): ShardPosition | undefined;
  /** What a call answered of its records. */
  note(batch: Batch, results: PutRecordsResultEntry[]): void;
}

/** Nothing is known of any shard. */
export function storedPositions(): StoredPositions {
  const latest = new Map<string, ShardPosition>();
  return {
    of: (hashKey) => latest.get(hashKey),
    note: (batch, results) => {
      const found = new Map<string, ShardPosition>();
      for (const [at, { entry }] of batch.entries()) {
        const { ShardId, SequenceNumber } = results[at] ?? {};
        if (ShardId && SequenceNumber) found.set(entry.ExplicitHashKey, { ShardId, SequenceNumber });
      }
      for (const [hashKey, position] of found) {
        const known = latest.get(hashKey);
        if (known?.ShardId !== position.ShardId || isAfter(position, known)) latest.set(hashKey, position);
      }
    },
  };
}
