import { jest } from '@jest/globals';
import type { Put, PutEntry } from '../activities/kinesis/put-records.ts';
import type { LookUp, Unconfirmed } from '../activities/kinesis/read-back.ts';
import { payloads } from '../pipeline/aggregation.ts';

export const later = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
export const named = (name: string, more: object = {}) => Object.assign(new Error(name), { name, ...more });

/** How the calls of a stream fare, by shares from 0 to 1. */
interface Weather {
  seed: number;
  refused: number;
  broken: number;
}

const textsOf = ({ Data }: PutEntry) => payloads(Data).map((data) => Buffer.from(data).toString());

/** A stream in memory whose calls fail in every way there is; what is in it, and what it told. */
export function troubled({ seed, refused, broken }: Weather) {
  let state = seed;
  const random = () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
  const stored: string[] = [];
  const acknowledged = new Set<string>();
  const log: PutEntry[] = [];
  const lookUp: LookUp = async (_stream, unconfirmed) => {
    const effect = random() * 5;
    await later(effect);
    if (random() < broken) throw named('TimeoutError');
    const isThere = ({ entry, after }: Unconfirmed) =>
      log.some(
        (one, at) =>
          at + 1 > Number(after.SequenceNumber) && one.PartitionKey === entry.PartitionKey && Buffer.compare(one.Data, entry.Data) === 0,
      );
    const found = unconfirmed.filter(isThere).map(({ entry }) => entry);
    for (const text of found.flatMap(textsOf)) acknowledged.add(text);
    return new Set(found);
  };
  const put: Put = async (_stream, records) => {
    const texts = records.map(textsOf);
    const store = (at: number) => {
      stored.push(...texts[at]!);
      return String(log.push({ ...records[at]!, Data: Buffer.from(records[at]!.Data) }));
    };
    const effect = random() * 5;
    const isBroken = random() < broken;
    const how = Math.floor(random() * 4);
    await later(effect);
    const results = records.map((_, at) => {
      const roll = isBroken && how < 3 ? 1 : random();
      if (roll < refused) return { ErrorCode: 'ProvisionedThroughputExceededException' };
      if (roll < refused * 1.2) {
        if (random() < 0.5) store(at);
        return { ErrorCode: 'InternalFailure' };
      }
      return { ShardId: 'all', SequenceNumber: !isBroken || how === 3 ? store(at) : '0' };
    });
    await later(random() * 5);
    if (isBroken && how === 0) throw named('LimitExceededException', { $metadata: { httpStatusCode: 400 } });
    if (isBroken && how === 1) throw named('InternalFailure', { $metadata: { httpStatusCode: 500 } });
    if (isBroken && how === 2) throw named('Error', { code: 'ECONNRESET' });
    if (isBroken) throw named('TimeoutError'); // the answer was lost
    for (const [at, { SequenceNumber: sequence }] of results.entries()) if (sequence) for (const text of texts[at]!) acknowledged.add(text);
    return results;
  };
  return { put, lookUp, stored, acknowledged };
}

/** Lets timers fire, each in its turn, until it is done. */
export async function settled<Value>(work: Promise<Value>): Promise<Value> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  work.then(over, over);
  await Promise.resolve();
  for (let [steps, idle] = [0, 0]; !isOver; steps++) {
    idle = jest.getTimerCount() === 0 ? idle + 1 : 0;
    if (idle > 10 || steps > 20_000) throw new Error(`it does not end: ${steps} steps`);
    await jest.advanceTimersToNextTimerAsync();
  }
  return work;
}
