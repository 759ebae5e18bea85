import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EVENT, EVENT_TYPES, type GameEvent } from '../pipeline/schema.ts';
import { type Game, heartbeat, laneOf } from '../pipeline/simulation.ts';
import { eventAt } from './event-at.ts';
import { checkFields, referee } from './referee.ts';

const T = Date.UTC(2026, 10, 23, 18);
const NO_TROUBLE = { late: 0, duplicate: 0, malformed: 0, oversized: 0 };
const GAME: Game = { run: '1a2b3c4d', seed: 7, players: 100, lanes: 2, trouble: NO_TROUBLE, lateAfter: 1000 };

/** A game and one of its lanes, with as few players as there may be or many. */
const games = fc
  .record({
    run: fc.stringMatching(/^[0-9a-f]{8}$/),
    seed: fc.integer({ min: 0, max: 0xffff_ffff }),
    lanes: fc.integer({ min: 1, max: 10 }),
    each: fc.oneof(fc.integer({ min: 10, max: 60 }), fc.integer({ min: 60, max: 5000 })),
    extra: fc.nat(9),
    lane: fc.nat(9),
  })
  .map(({ run, seed, lanes, each, extra, lane }) => {
    const game: Game = { run, seed, lanes, players: lanes * each + (extra % lanes), trouble: NO_TROUBLE, lateAfter: 1000 };
    return { game, lane: lane % lanes };
  });
const rates = fc.double({ min: 1, max: 20_000, noNaN: true });

/** `count` events of a lane from number `from` on, as text. */
function played(game: Game, lane: number, from: number, count: number, rate = 1000): string[] {
  const events = laneOf(game, lane);
  events.seek(from);
  return Array.from({ length: count }, (_, k) => events.next(T + ((from + k) * 1000) / rate));
}

const parsed = (texts: string[]) => texts.map((text) => JSON.parse(text) as GameEvent);

describe('the game', () => {
  it('keeps its rules in every prefix of every lane', () => {
    fc.assert(
      fc.property(games, rates, fc.nat(10_000), ({ game, lane }, rate, count) => {
        const judge = referee(game, lane);
        const events = laneOf(game, lane);
        let latest = '';
        for (let i = 0; i < count; i++) {
          const json = events.next(T + (i * 1000) / rate);
          const event = JSON.parse(json) as GameEvent;
          if (event.event_id !== `${game.run}-${lane}-${i}`) throw new Error(`number ${i} is ${event.event_id}`);
          if (event.event_time < latest) throw new Error(`${event.event_id}: at ${event.event_time}, after ${latest}`);
          latest = event.event_time;
          checkFields(event, json);
          judge.see(event);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('plays match after match, and those of a lane do not end together', () => {
    const game = { ...GAME, players: 400 };
    const judge = referee(game, 1);
    const ends: number[] = [];
    const events = laneOf(game, 1);
    for (let i = 0; i < 40_000; i++) {
      const event = JSON.parse(events.next(T + i)) as GameEvent;
      judge.see(event);
      if (event.event_type === 'match_end') ends.push(i);
    }
    // Ten slots of 256 events a match.
    expect(ends.length).toBeGreaterThan(145);
    expect(judge.matches.size - ends.length).toBe(10);
    const gaps = ends.slice(1).map((end, k) => end - ends[k]!);
    expect(Math.max(...gaps)).toBeLessThan(700);
    expect(judge.playing.size).toBeGreaterThan(80);
  });

  it('is mostly killing and coming back, of some 230 bytes an event', () => {
    const texts = played(GAME, 0, 1_000_000, 20_000);
    const shares = new Map<string, number>();
    for (const { event_type } of parsed(texts)) shares.set(event_type, (shares.get(event_type) ?? 0) + 1 / texts.length);
    expect(shares.get('kill')).toBeGreaterThan(0.4);
    expect(shares.get('kill')).toBeLessThan(0.5);
    for (const type of Object.keys(EVENT_TYPES)) if (type !== 'heartbeat') expect(shares.get(type)).toBeGreaterThan(0.003);
    const mean = texts.join('').length / texts.length;
    expect(mean).toBeGreaterThan(215);
    expect(mean).toBeLessThan(240);
  });

  it('shows every column within the first match of a lane', () => {
    fc.assert(
      fc.property(games, ({ game, lane }) => {
        const first = `${game.run}-${lane}-m0`;
        // At most 32 matches side by side, the first of 40 events.
        const events = parsed(played(game, lane, 0, 32 * 40)).filter(({ match_id }) => match_id === first);
        expect(new Set(events.slice(0, 40).flatMap((event) => Object.keys(event)))).toEqual(new Set(Object.keys(EVENT)));
      }),
    );
  });

  it('draws everybody in turn, and lets the better win', () => {
    const tally = new Map<string, { kills: number; deaths: number }>();
    const of = (id: string) => tally.get(id) ?? tally.set(id, { kills: 0, deaths: 0 }).get(id)!;
    for (const { killer_id, victim_id } of parsed(played(GAME, 0, 0, 60_000))) {
      if (killer_id === undefined || victim_id === undefined) continue;
      of(killer_id).kills++;
      of(victim_id).deaths++;
    }
    expect(tally.size).toBe(50);
    const ratios = [...tally.values()].map(({ kills, deaths }) => kills / deaths).sort((a, b) => a - b);
    expect(ratios[5]).toBeLessThan(0.7);
    expect(ratios[45]).toBeGreaterThan(1.5);
  });

  it('refuses a lane that cannot fill a match', () => {
    expect(() => laneOf({ ...GAME, players: 19 }, 1)).toThrow('lane 1 of 2 has 9 of 19 players, and a match needs 10');
    expect(() => laneOf({ ...GAME, players: 20 }, 1)).not.toThrow();
    for (const lane of [-1, 0.5, 2]) expect(() => laneOf(GAME, lane)).toThrow(`there is no lane ${lane} of 2`);
  });
});

describe('an event', () => {
  const numbers = fc.oneof(
    fc.nat(20_000),
    fc.maxSafeNat().map((n) => n % 1e13),
  );

  it('is the same wherever one begins, and whatever was asked before', () => {
    fc.assert(
      fc.property(games, numbers, fc.array(fc.nat(700), { maxLength: 20 }), ({ game, lane }, from, jumps) => {
        const texts = played(game, lane, from, 700);
        const wanderer = laneOf(game, lane);
        for (const k of jumps.filter((jump) => jump < 700)) {
          wanderer.seek(from + k);
          expect(wanderer.at).toBe(from + k);
          expect(wanderer.next(T + from + k)).toBe(texts[k]);
          expect(wanderer.at).toBe(from + k + 1);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is the same as an object and as text', () => {
    fc.assert(
      fc.property(games, numbers, ({ game, lane }, i) => {
        const [text] = played(game, lane, i, 1);
        expect(JSON.stringify(eventAt(game, lane, i, T + i))).toBe(text);
      }),
    );
  });

  it('depends on its time only in its time, and on the run only in its ids', () => {
    fc.assert(
      fc.property(games, numbers, fc.nat(1e12), ({ game, lane }, i, later) => {
        const { event_time, ...rest } = eventAt(game, lane, i, T);
        expect(event_time).toBe('2026-11-23T18:00:00.000');
        expect(eventAt(game, lane, i, T + later)).toEqual({ ...rest, event_time: new Date(T + later).toISOString().slice(0, -1) });
        const text = JSON.stringify(eventAt(game, lane, i, T));
        expect(JSON.stringify(eventAt({ ...game, run: 'other' }, lane, i, T))).toBe(text.replaceAll(`"${game.run}-`, '"other-'));
      }),
    );
  });

  it('is another with another seed, in another lane, and in another of as many', () => {
    fc.assert(
      fc.property(games, fc.nat(1e9), ({ game, lane }, from) => {
        const bare = (texts: string[]) => texts.join('').replaceAll(/"(event|match)_id":"[^"]*"|server-\d+/g, '');
        const texts = bare(played(game, lane, from, 600));
        expect(bare(played({ ...game, seed: game.seed ^ 1 }, lane, from, 600))).not.toBe(texts);
        expect(bare(played({ ...game, lanes: game.lanes + 1, players: game.players * 2 }, lane, from, 600))).not.toBe(texts);
        if (game.lanes > 1) expect(bare(played(game, (lane + 1) % game.lanes, from, 600))).not.toBe(texts);
      }),
      { numRuns: 20 },
    );
  });

  it('goes another way in every lane, whoever plays there', () => {
    const lanes = 20;
    const ways = Array.from({ length: lanes }, (_, lane) =>
      parsed(played({ ...GAME, players: 20 * lanes, lanes }, lane, 0, 70))
        .map(({ event_type }) => event_type)
        .join(),
    );
    expect(new Set(ways).size).toBe(lanes);
  });

  it('never changes from one version to the next: the ledger of an earlier one would not be true any more', () => {
    const texts = [0, 1].flatMap((lane) => [...played(GAME, lane, 0, 5000), ...played(GAME, lane, 5_000_000_000, 5000)]);
    expect(createHash('sha256').update(texts.join('\n')).digest('hex')).toBe(
      '478000ef3ba6899e85ab36395bd5b48055aa03c186aabb7268d54ca1649122fc',
    );
  });

  it('carries UTC time in milliseconds, cut off, whatever the fraction', () => {
    const at = (time: number) => eventAt(GAME, 0, 3, time).event_time;
    expect(at(T + 123.999)).toBe('2026-11-23T18:00:00.123');
    expect(at(T + 999.999)).toBe('2026-11-23T18:00:00.999');
    expect(at(T - 0.001)).toBe('2026-11-23T17:59:59.999');
    expect(at(T + 59_999)).toBe('2026-11-23T18:00:59.999');
  });
});

it('has heartbeats that belong to no match', () => {
  const beat = heartbeat('1a2b3c4d', 3, T + 5.5);
  expect(beat).toEqual({
    event_id: `1a2b3c4d-hb-3-${T + 5}`,
    event_type: 'heartbeat',
    event_time: '2026-11-23T18:00:00.005',
    match_id: '1a2b3c4d-heartbeat',
    server_id: 'generator',
  });
  checkFields(beat);
});
