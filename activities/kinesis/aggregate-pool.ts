import { type Aggregate, aggregate, userRecords } from '../../pipeline/aggregation.ts';
import type { OutgoingRecord } from './ack-tracker.ts';

/** Aggregates whose memory is used again. */
export interface AggregatePool {
  open(): Aggregate;
  /** Makes an aggregate the data of a record, whose memory comes back once that is acknowledged. A user record that is alone in it goes as it is. */
  seal(outgoing: OutgoingRecord, into: Aggregate): void;
  /** Gives an aggregate up. */
  discard(into: Aggregate): void;
}

/** Aggregates of at most so many bytes. */
export function aggregatePool(mostBytes: number): AggregatePool {
  const memory: Buffer<ArrayBuffer>[] = [];
  const allocate = () => memory.pop() ?? Buffer.allocUnsafeSlow(mostBytes);
  const free = (data: Buffer) => void memory.push(Buffer.from(data.buffer as ArrayBuffer));
  return {
    open: () => aggregate(mostBytes, allocate),
    seal: (outgoing, into) => {
      const isSingle = into.count() === 1;
      const data = into.finish();
      outgoing.entry.Data = isSingle ? userRecords({ partitionKey: '', data })[0]!.data : data;
      outgoing.free = () => free(data);
    },
    discard: (into) => free(into.finish()),
  };
}
