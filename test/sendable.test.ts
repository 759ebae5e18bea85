import { describe, expect, it } from '@jest/globals';
import { pace, SHARD_LIMIT } from '../activities/kinesis/pace.ts';
import { matchOf } from '../activities/kinesis/stretch.ts';
import { aggregate } from '../pipeline/aggregation.ts';
import { gameOf, hashKeyOf, mostOf, mustBeSendable } from '../pipeline/lanes.ts';
import { heartbeat, laneOf } from '../pipeline/simulation.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { malformed, troubleOf } from '../pipeline/trouble.ts';

const pipelineOf = (generator: object, more: object = {}): Pipeline => ({ ...parseSpec({ generator, ...more }), account: '000000000000' });

describe('a rate that is set live', () => {
  it('may be what the shards take, and no more', () => {
    const aggregated = pipelineOf({ rate: 10 });
    expect(() => mustBeSendable(8000, aggregated)).not.toThrow();
    expect(() => mustBeSendable(8001, aggregated)).toThrow(/^a rate of 8001 events\/s is more than 2 shards take \(8000\)$/);
    const single = pipelineOf({ rate: 10, aggregate: false });
    expect(() => mustBeSendable(1896, single)).not.toThrow();
    expect(() => mustBeSendable(1900, single)).toThrow(
      /^a rate of 1900 events\/s is more than 2 shards take \(1896, as none are aggregated\)$/,
    );
    expect(() => mustBeSendable('max', single)).not.toThrow();
  });

  it('makes no more rows of metrics than the shards that stand were made for', () => {
    const many = pipelineOf({ rate: 10, players: 100_000 });
    expect(() => mustBeSendable('max', many)).toThrow(
      'a rate of as many events/s as the stream takes needs 40 shards of player_metrics, and 1 stand; set it as generator.rate in the spec, and run npx d2d up',
    );
    expect(() => mustBeSendable({ ramp: { from: 5, to: 200, over: '1 hour' } }, many)).toThrow(
      /^a rate of 5 to 200 events\/s over 1 hour needs 9 /,
    );
    expect(() => mustBeSendable(20, many)).not.toThrow();
    expect(() => mustBeSendable('max', pipelineOf({ rate: 'max', players: 100_000 }))).not.toThrow();
    const late = pipelineOf({ rate: 100, trouble: { late: 0.5 } });
    expect(() => mustBeSendable(900, late)).not.toThrow();
    expect(() => mustBeSendable(1000, late)).toThrow(/needs 2 shards of late_events, and 1 stand;/);
  });

  it('is what is sent in the end, where none are aggregated: the pace of a shard leaves room for it and the heartbeats', () => {
    const seconds = 60;
    const { freeAt, spend } = pace(SHARD_LIMIT);
    // A heartbeat a second, and one in ten that is late.
    const records = (mostOf(pipelineOf({ aggregate: false }, { shards: 1 })) + 1.1) * seconds;
    for (let i = 0; i < records; i++) spend(0, 230);
    expect(freeAt()).toBeLessThanOrEqual(seconds * 1000);
    expect(freeAt()).toBeGreaterThan(seconds * 990);
  });

  it.each([
    {},
    { duplicate: 0.01, malformed: 0.001, late: 0.01 },
    { duplicate: 0.5 },
    { malformed: 1 },
    { duplicate: 0.3, malformed: 0.6 },
  ])(
    'is what is sent in the end, where they are aggregated: second copies and malformed halves take their part of the bytes (%j)',
    (trouble) => {
      const pipeline = pipelineOf({ rate: 'max', trouble }, { shards: 1 });
      const seconds = 20;
      const { freeAt, spend } = pace(SHARD_LIMIT);
      const into = aggregate();
      const records = (json: string) => {
        if (into.add(matchOf(json), hashKey, json)) return;
        spend(0, into.finish().length + 1);
        into.add(matchOf(json), hashKey, json);
      };
      const game = gameOf(pipeline, 'abcd1234');
      const events = laneOf(game, 0);
      const hashKey = hashKeyOf(0, 1);
      const first = 100_000_000;
      events.seek(first);
      for (let i = first; i < first + mostOf(pipeline) * seconds; i++) {
        const json = events.next(1_800_000_000_000 + i);
        const kind = troubleOf(game, 0, i);
        records(json);
        if (kind === 'duplicate') records(json);
        if (kind === 'malformed') records(malformed(json));
      }
      for (let i = 0; i < 2 * seconds; i++) records(JSON.stringify(heartbeat(game.run, 0, 1_800_000_000_000)));
      spend(0, into.size());
      expect(freeAt()).toBeLessThanOrEqual(seconds * 1000);
      expect(freeAt()).toBeGreaterThan(seconds * 900);
    },
  );
});
