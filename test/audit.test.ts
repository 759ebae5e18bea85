import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sentBy } from '../activities/audit/ledger-index.ts';
import { generated, tally } from '../activities/audit/tally.ts';
import { statements } from '../activities/sql.ts';
import { type PlaceCount, placeFaults } from '../pipeline/audit.ts';
import { gameOf } from '../pipeline/lanes.ts';
import { type LedgerPage, timeOf } from '../pipeline/ledger.ts';
import { laneOf } from '../pipeline/simulation.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { malformed, troubleOf } from '../pipeline/trouble.ts';
import { sentBy as recordsOf, scenario } from './scenarios.ts';

const LANES = 2;
const BASE = Date.UTC(2026, 10, 26);

type Mishap = 'dropped' | 'doubled' | 'altered';
/** Which event of which lane it befalls. */
interface Victim {
  what: Mishap;
  lane: number;
  i: number;
}

const pipeline: Pipeline = { ...parseSpec({ shards: LANES, generator: { seed: 7 } }), account: '000000000000' };
const game = gameOf(pipeline, 'r');

/** A ledger by which each lane sent so many events. */
const ledgerOf = (each: number): LedgerPage => ({
  game,
  ranges: Array.from({ length: LANES }, (_, lane) => ({
    lane,
    first: 0,
    end: each,
    time: { from: 0, base: BASE, rate: 1000 },
    at: BASE,
    resent: [],
    since: 0,
  })),
});

/** What an audit finds of a place to which all of that came, but for what befell its victims. */
function found(each: number, victims: Victim[]) {
  const { take, holding } = tally(sentBy([ledgerOf(each)]));
  const bases = ledgerOf(each).ranges[0]!.time;
  for (let lane = 0; lane < LANES; lane++) {
    const events = laneOf(game, lane);
    const own = victims.filter((victim) => victim.lane === lane);
    for (let i = 0; i < each; i++) {
      const record = events.next(timeOf([bases], i));
      const mishap = own.find((victim) => victim.i === i)?.what;
      if (mishap === 'dropped') continue;
      take(mishap === 'altered' ? record.replace(/.(?=.$)/, (last) => (last === '1' ? '2' : '1')) : record);
      if (mishap === 'doubled') take(record);
    }
  }
  return holding();
}

const idOf = ({ lane, i }: Victim) => `r-${lane}-${i}`;
const idsOf = (victims: Victim[], what: Mishap) => victims.filter((victim) => victim.what === what).map(idOf);

function expectFound(each: number, victims: Victim[]): void {
  const [missing, twice, altered] = (['dropped', 'doubled', 'altered'] as const).map((what) => idsOf(victims, what));
  const all = found(each, victims);
  expect(all).toMatchObject({
    events: LANES * each - missing!.length,
    missing: missing!.length,
    altered: altered!.length,
    copies: { onPurpose: 0, resent: 0, unexplained: twice!.length },
    unknown: 0,
  });
  // Which minute it was is known, too; none other is spoken of.
  const minuteOf = ({ i }: Victim) => Math.floor((BASE + i) / 60_000);
  expect(all.minutes.map(({ minute }) => minute).sort()).toEqual([...new Set(victims.map(minuteOf))].sort());
  expect(all.examples).toEqual({ missing, twice, altered, lacking: [] });
}

describe('the count in Athena', () => {
  it('casts no id in a way that fails: Trino may cast before it filters', () => {
    const texts = statements(pipeline, 'audit', { blockEvents: '1', lanes: '', blocks: '', since: '', sinceHour: '', gameEvents: '' }).map(
      ({ text }) => text,
    );
    expect(texts.join().match(/\w*CAST\(split_part/g)).toEqual(Array(6).fill('TRY_CAST(split_part'));
  });
});

describe('an audit', () => {
  it('finds a single record dropped, doubled or altered among a million, and names it', () => {
    expectFound(500_000, [
      { what: 'dropped', lane: 0, i: 123_456 },
      { what: 'doubled', lane: 1, i: 499_999 },
      { what: 'altered', lane: 1, i: 250_000 },
    ]);
  });

  it('finds nothing where nothing befell, and any one record wherever it is: a hundred of a hundred', () => {
    expectFound(1_000, []);
    fc.assert(
      fc.property(
        fc.record({
          what: fc.constantFrom<Mishap>('dropped', 'doubled', 'altered'),
          lane: fc.integer({ min: 0, max: LANES - 1 }),
          i: fc.integer({ min: 0, max: 999 }),
        }),
        (victim) => expectFound(1_000, [victim]),
      ),
      { numRuns: 100 },
    );
  });
});

describe('an audit of a game that trouble is made with', () => {
  const { game, base } = scenario('trouble', 1, 1, { trouble: { late: 0.05, duplicate: 0.05, malformed: 0.05 } });
  const range = { lane: 0, first: 0, end: 1200, time: { from: 0, base, rate: 10 }, at: 0, resent: [], since: 0 };
  const events = laneOf(game, 0);
  const numbers = Array.from({ length: range.end }, (_, i) => i).filter((i) => troubleOf(game, 0, i) === 'malformed');
  const halves = numbers.map((i) => {
    events.seek(i);
    return malformed(events.next(timeOf([range.time], i)));
  });
  const sent = [...recordsOf({ name: 'trouble', game, base }, 0), ...halves];
  const idIn = (record: string) => record.slice('{"event_id":"'.length).split('"')[0]!;
  const holds = (records: string[], from = 0) => {
    const { take, holding } = tally(sentBy([{ game, ranges: [range] }], from));
    for (const record of records) take(record);
    return holding();
  };

  it('expects what was sent on purpose, and names what of it is not there', () => {
    expect(halves.length).toBeGreaterThan(20);
    const whole = holds(sent);
    expect(whole).toMatchObject({ missing: 0, altered: 0, malformed: halves.length, lacking: { malformed: 0, copies: 0 }, unknown: 0 });
    expect(whole.copies).toMatchObject({ onPurpose: expect.any(Number), resent: 0, unexplained: 0 });
    const second = sent.findIndex((record, i) => sent.indexOf(record) < i);
    const lacking = [idIn(sent[second]!), idIn(halves.at(-1)!)];
    const part = holds(sent.toSpliced(second, 1).slice(0, -1));
    expect(part).toMatchObject({ missing: 0, lacking: { malformed: 1, copies: 1 }, examples: { lacking } });
    const place: PlaceCount = { place: 'lake', ...part };
    expect(placeFaults(place, { places: [place] })).toEqual([
      `lake: 2 of the trouble that was made on purpose missing: ${lacking.join(', ')}`,
    ]);
  });

  it('finds again what trouble was made with, by kind: how many, and the first ids', () => {
    const trouble = { late: 0.02, duplicate: 0.1, malformed: 0.05, oversized: 0.001 };
    const troubled = { ...game, trouble };
    const found = generated(sentBy([{ game: troubled, ranges: [range] }]), 1_000).trouble;
    const marked = (kind: keyof typeof trouble, mark = '') => {
      const ids = Array.from({ length: range.end }, (_, i) => i).filter((i) => troubleOf(troubled, 0, i) === kind);
      return { events: ids.length, examples: ids.slice(0, 5).map((i) => `${game.run}-0-${i}${mark}`) };
    };
    expect(found).toEqual({
      late: marked('late'),
      duplicate: marked('duplicate'),
      malformed: marked('malformed', 'x'),
      oversized: marked('oversized', 'o'),
    });
    expect(found.duplicate.events).toBeGreaterThan(50);
    const { malformed: halved } = generated(sentBy([{ game, ranges: [range] }]), 1_000).trouble;
    expect(halved.events).toBe(halves.length);
    expect(halves.map(idIn)).toEqual(expect.arrayContaining(halved.examples));
  });

  it('holds malformed records to the last byte, and to their number', () => {
    const [id] = [idIn(halves.at(-1)!)];
    expect(holds([...sent.slice(0, -1), `${sent.at(-1)} `])).toMatchObject({ altered: 1, examples: { altered: [id] } });
    expect(holds([...sent, sent.at(-1)!])).toMatchObject({ copies: { unexplained: 1 }, examples: { twice: [id] } });
  });

  it('tells what the ledger does not know, and apart what it may not know yet, but nothing of what is older or newer than what is counted', () => {
    const [first] = sent as [string];
    const foreign = holds([
      ...sent,
      first.replace('trouble-0-', 'another-0-'),
      first.replace('-0-0"', '-0-0x"'),
      'no event',
      first.replace('-0-0"', '-0-0o"'),
    ]);
    expect(foreign).toMatchObject({ unknown: 2, later: 1, oversized: 1, missing: 0 });
    const place: PlaceCount = { place: 'stream', ...foreign };
    const tooLarge = 'stream: 1 too large to have been taken';
    expect(placeFaults(place, { places: [] })).toEqual([tooLarge, 'stream: 2 of which the ledger knows nothing']);
    expect(holds([...sent, first.replace('-0-0"', '-0-1200"')], base + 60_000)).toMatchObject({ unknown: 0, missing: 0 });
  });
});

describe('the minutes of an audit', () => {
  it('have what was sent and what is there, the worst first, and the others only for who asks', () => {
    const each = 150_000;
    const count = (isAll: boolean) => {
      const { take, holding } = tally(sentBy([ledgerOf(each)]), isAll);
      for (let lane = 0; lane < LANES; lane++) {
        const events = laneOf(game, lane);
        for (let i = 0; i < each; i++) {
          const record = events.next(timeOf([ledgerOf(each).ranges[0]!.time], i));
          if (lane === 1 || (i !== 5 && i !== 70_000 && i !== 70_001)) take(record);
        }
      }
      return holding().minutes.map(({ minute, ...counts }) => ({ minute: minute - BASE / 60_000, ...counts }));
    };
    const [first, second, third] = [120_000, 120_000, 60_000].map((sent, minute) => ({ minute, sent, events: sent, altered: 0, twice: 0 }));
    expect(count(false)).toEqual([
      { ...second, events: 119_998 },
      { ...first, events: 119_999 },
    ]);
    expect(count(true)).toEqual([{ ...second, events: 119_998 }, { ...first, events: 119_999 }, third]);
    const { minutes } = generated(sentBy([ledgerOf(each)]), 100_000);
    expect(minutes.map(({ sent }) => sent)).toEqual([120_000, 120_000, 60_000]);
  });
});
