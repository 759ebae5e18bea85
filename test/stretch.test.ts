import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sentBy } from '../activities/audit/ledger-index.ts';
import { generated, tally } from '../activities/audit/tally.ts';
import { type Producer, producer } from '../activities/kinesis/producer.ts';
import type { Put, PutEntry } from '../activities/kinesis/put-records.ts';
import { matchOf, type SendProgress, sendHeartbeats, sendHeldBack, sendStretch, unsent } from '../activities/kinesis/stretch.ts';
import { payloads } from '../pipeline/aggregation.ts';
import { gameOf } from '../pipeline/lanes.ts';
import type { LedgerRange, TimeBase } from '../pipeline/ledger.ts';
import { hash } from '../pipeline/random.ts';
import { laneOf } from '../pipeline/simulation.ts';
import { parseSpec } from '../pipeline/spec.ts';
import { troubleOf } from '../pipeline/trouble.ts';

/** A stream in memory that refuses, and keeps its answers to itself, as `random` wants it. */
function stream(random: () => number) {
  const records: string[] = [];
  const store = ({ Data }: PutEntry) => records.push(...payloads(Data).map((data) => Buffer.from(data).toString()));
  const put: Put = async (_, entries) => {
    await delay(0);
    const draw = random();
    if (draw < 0.03) throw Object.assign(new Error('no answer'), { $metadata: { httpStatusCode: 500 } });
    const results = entries.map((entry) => {
      if (random() < 0.02) return { ErrorCode: 'ProvisionedThroughputExceededException' };
      store(entry);
      return { SequenceNumber: '1', ShardId: 'shardId-000000000000' };
    });
    if (draw < 0.06) throw Object.assign(new Error('cut'), { code: 'ECONNRESET' });
    return results;
  };
  return { records, put };
}

const shares = fc.record({ late: share(), duplicate: share(), malformed: share(), oversized: fc.constantFrom(0, 0.02) });
function share() {
  return fc.constantFrom(0, 0.02, 0.1);
}
const never = new AbortController().signal;

/** Numbers from 0 up to 1 that a seed decides. */
function randomBy(seed: number): () => number {
  let i = 0;
  return () => (hash(seed, 0, i++, 0) >>> 0) / 2 ** 32;
}

it('gives every record a partition key that Kinesis takes, wherever an event is cut off', () => {
  const json = laneOf(gameOf(parseSpec({ shards: 1 }), 'abcd1234'), 0).next(0);
  const keys = Array.from({ length: json.length + 1 }, (_, end) => matchOf(json.slice(0, end)));
  expect(new Set(keys)).toEqual(new Set(['none', (JSON.parse(json) as { match_id: string }).match_id]));
});

describe('a lane', () => {
  it('puts every event of its stretches into the stream once, with its own bytes, whatever is refused or unanswered; what is there twice is in the account', async () => {
    await fc.assert(
      fc.asyncProperty(
        shares,
        fc.constantFrom(true, false, 'queued' as const),
        fc.boolean(),
        fc.integer({ min: 1, max: 2 }),
        fc.nat(),
        async (trouble, aggregate, ordered, lanes, seed) => {
          const spec = parseSpec({ shards: lanes, generator: { rate: 400, trouble, players: 40 } });
          const game = { ...gameOf(spec, 'abcd1234'), lateAfter: 500 };
          const { records, put } = stream(randomBy(seed));
          const post = producer({ put, stream: 'events', aggregate, ordered, lingerMs: 1, limit: { records: 1e6, bytes: 1e9 } });
          const ranges: LedgerRange[] = [];
          let oversized = 0;
          for (let lane = 0; lane < lanes; lane++) {
            const begin = Date.now() - 60_000;
            let bases: TimeBase[] = [{ from: 0, base: begin, rate: 100 }];
            let next = 0;
            for (const [to, rate] of [
              [120, 100],
              [121, 250],
              [330, 250],
            ] as const) {
              if (bases.at(-1)!.rate !== rate) bases = [...bases, { from: next, base: begin + next * 20, rate }];
              const stretch = { game, lane, from: next, to, bases, since: 0 };
              const sent = await sendStretch(stretch, unsent(next), { producer: post, signal: never, report: () => undefined });
              expect(sent.next).toBe(to);
              ranges.push({ lane, first: next, end: to, time: bases.at(-1)!, at: 0, resent: sent.resent, since: 0 });
              next = to;
              oversized += sent.oversized;
            }
            const resent = (await sendHeldBack({ game, lane, next, since: 0, bases }, { producer: post, signal: never }))!;
            ranges.push({ lane, first: next, end: next, time: bases.at(-1)!, at: 0, resent, since: next });
          }
          const numbers = Array.from({ length: lanes }, (_, lane) =>
            Array.from({ length: 330 }, (_number, i) => troubleOf(game, lane, i)),
          ).flat();
          expect(oversized).toBe(numbers.filter((kind) => kind === 'oversized').length);
          const ledger = sentBy([{ game, ranges }]);
          const { take, holding } = tally(ledger);
          for (const record of records) take(record);
          const found = holding();
          const sum = generated(ledger, 1000).blocks.reduce((total, { events }) => total + events, 0);
          expect(sum).toBe(330 * lanes);
          expect(found).toMatchObject({ events: sum, missing: 0, altered: 0, unknown: 0, oversized: 0 });
          expect(found.copies.unexplained).toBe(0);
        },
      ),
      {
        numRuns: 8,
        examples: [
          [{ late: 0, duplicate: 0.1, malformed: 0, oversized: 0 }, false, true, 1, 816628359],
          [{ late: 0.02, duplicate: 0, malformed: 0, oversized: 0.02 }, true, false, 1, 7],
        ],
      },
    );
  });

  it('that is told to end has everything below `next` in the stream, and goes on from there', async () => {
    const game = gameOf(parseSpec({}), 'abcd1234');
    const { records, put } = stream(() => 1);
    const control = new AbortController();
    let told: SendProgress | undefined;
    const bases = [{ from: 0, base: Date.now(), rate: 1000 }];
    const sending = sendStretch({ game, lane: 0, from: 0, to: 1_000_000, bases, since: 0 }, unsent(0), {
      producer: producer({ put, stream: 'events', lingerMs: 5 }),
      signal: control.signal,
      report: (sent) => {
        told = sent;
        if (sent.next > 150) control.abort();
      },
    });
    const { next } = await sending;
    expect(next).toBeGreaterThanOrEqual(told!.next);
    const numbers = records.map((record) => /^\{"event_id":"abcd1234-0-(\d+)"/.exec(record)?.[1]).filter((i) => i !== undefined);
    expect(numbers.map(Number)).toEqual(Array.from({ length: next }, (_, i) => i));
  });

  it('that falls silent, and is told to end before all that it held back is sent, does not call that the whole', async () => {
    const spec = parseSpec({ shards: 1, generator: { trouble: { late: 0.1, duplicate: 0, malformed: 0, oversized: 0 } } });
    const game = { ...gameOf(spec, 'abcd1234'), lateAfter: 500_000 };
    const { records, put } = stream(() => 1);
    const control = new AbortController();
    let left = 3;
    const dueUntil = () => {
      if (left-- === 0) control.abort();
      return Number.POSITIVE_INFINITY;
    };
    const lane = { game, lane: 0, next: 330, since: 0, bases: [{ from: 0, base: Date.now(), rate: 100 }] };
    const post = producer({ put, stream: 'events', lingerMs: 1 });
    expect(await sendHeldBack(lane, { producer: post, signal: control.signal, dueUntil })).toBeUndefined();
    expect(records).toHaveLength(3);
  });

  it('that is far behind hears at once that it is to end', async () => {
    const game = gameOf(parseSpec({ shards: 1 }), 'abcd1234');
    const control = new AbortController();
    setImmediate(() => control.abort());
    const stretch = { game, lane: 0, from: 0, to: 20_000, bases: [{ from: 0, base: 1_000_000, rate: 1000 }], since: 0 };
    let made = 0;
    const endless: Producer = {
      lane: () => ({
        send: () => void made++,
        reached: () => undefined,
        progress: () => ({ next: 0, acknowledged: 0, resent: 0, oversized: 0, held: 0 }),
        end: async () => ({ next: 0, acknowledged: 0, resent: 0, oversized: 0, held: 0 }),
      }),
    };
    await sendStretch(stretch, unsent(0), { producer: endless, signal: control.signal, report: () => undefined });
    expect(made).toBeLessThan(1000);
  });

  it('that is quiet sends a heartbeat a second, and one late one, to its own shard', async () => {
    const game = gameOf(parseSpec({ shards: 2 }), 'abcd1234');
    const keys = new Set<string>();
    const { records, put } = stream(() => 1);
    const noting: Put = (name, entries) => {
      for (const { ExplicitHashKey } of entries) keys.add(ExplicitHashKey);
      return put(name, entries);
    };
    const order = { game, after: [0, Date.now() + 500], until: Date.now() + 1_200 };
    const sent = await sendHeartbeats(order, {
      producer: producer({ put: noting, stream: 'events' }),
      signal: never,
      report: () => undefined,
    });
    expect(sent.latest).toBeGreaterThanOrEqual(order.until);
    expect(sent.heartbeats).toBe(records.length);
    expect(records.filter((record) => record.includes('-late-'))).toHaveLength(2);
    expect([...keys].sort()).toEqual([(2n ** 126n).toString(), (3n * 2n ** 126n).toString()].sort());
  });
});

describe('a tally', () => {
  it('finds a single record dropped, doubled or altered among many', () => {
    fc.assert(
      fc.property(fc.nat(49_999), fc.constantFrom('dropped', 'doubled', 'altered'), (i, what) => {
        const { ledger, records } = played();
        const { take, holding } = tally(ledger);
        for (const [at, record] of records.entries()) {
          if (at === i && what === 'dropped') continue;
          take(at === i && what === 'altered' ? record.replace('"server_id":"', '"server_id":"x') : record);
          if (at === i && what === 'doubled') take(record);
        }
        const { missing, altered, copies, examples } = holding();
        const id = `abcd1234-0-${i}`;
        expect({ missing, altered, unexplained: copies.unexplained }).toEqual({
          missing: what === 'dropped' ? 1 : 0,
          altered: what === 'altered' ? 1 : 0,
          unexplained: what === 'doubled' ? 1 : 0,
        });
        expect([...examples.missing, ...examples.twice, ...examples.altered]).toEqual([id]);
      }),
      { numRuns: 12 },
    );
  });
});

let kept: { ledger: ReturnType<typeof sentBy>; records: string[] } | undefined;
function played() {
  if (kept) return kept;
  const game = gameOf(parseSpec({ shards: 1 }), 'abcd1234');
  const time = { from: 0, base: 1_000_000, rate: 1000 };
  const ledger = sentBy([{ game, ranges: [{ lane: 0, first: 0, end: 50_000, time, at: 0, resent: [], since: 0 }] }]);
  const events = laneOf(game, 0);
  const records = Array.from({ length: 50_000 }, (_, i) => events.next(1_000_000 + i));
  kept = { ledger, records };
  return kept;
}
