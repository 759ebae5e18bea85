import type { Marked } from '../../pipeline/audit.ts';
import { type Span, type TimeBase, timeOf } from '../../pipeline/ledger.ts';
import { type Game, laneOf } from '../../pipeline/simulation.ts';
import { KINDS, malformed, markedId, sentBefore, troubleOf } from '../../pipeline/trouble.ts';
import { type Sent, type SentLane, wasTooLate } from './ledger-index.ts';
import { type Minute, minutes, told } from './minutes.ts';

/** What one place holds of the events that the ledger says were sent. Each event is counted once; `copies` are those beyond the first of each. */
export interface Holding {
  events: number;
  kills: number;
  /** Sent, and not there. */
  missing: number;
  /** There with other bytes than were sent. */
  altered: number;
  copies: { onPurpose: number; resent: number; unexplained: number };
  /** Records that are malformed on purpose. */
  malformed: number;
  heartbeats: number;
  /** What trouble on purpose sent, and is not there: malformed records, second copies. */
  lacking: { malformed: number; copies: number };
  /** Records that the stream was to refuse. */
  oversized: number;
  /** Records of which the ledger knows nothing, and never will. */
  unknown: number;
  /** Records beyond where the ledger ends: of a later number, or of a run or lane that may have begun since. */
  later: number;
  /** The minutes in which something differs from what was sent; all of them for who asks. */
  minutes: Minute[];
  /** Ids of the first few that are missing, there twice without a reason, altered, or lacking. */
  examples: { missing: string[]; twice: string[]; altered: string[]; lacking: string[] };
}

/** Events of a lane whose numbers lie between `block` and `block + 1` times the length of a block. */
export interface Block {
  run: string;
  lane: number;
  block: number;
  events: number;
  kills: number;
  /** Events, and kills among them, that were held back when this was written down: they may have been sent since. */
  maybe?: { events: number; kills: number };
}

/** What was sent, block by block, and minute by minute (`maybe`: events that were held back, as for a block), and what of it trouble was made with on purpose. */
export interface Generated {
  blocks: Block[];
  minutes: { minute: number; sent: number; maybe: number }[];
  trouble: Marked;
}

/** How many events were sent, and how many kills among them, in blocks of so many numbers, and by the minute. */
export function generated(sent: Sent, blockEvents: number): Generated {
  const blocks: Block[] = [];
  const [sure, unsure] = [minutes(), minutes()];
  const trouble = Object.fromEntries(KINDS.map((kind) => [kind, { events: 0, examples: [] }])) as unknown as Marked;
  for (const [run, { game, lanes }] of sent)
    for (const [lane, { spans, bases, pending }] of lanes.entries()) {
      const events = laneOf(game, lane);
      const time = clock(bases);
      for (const [first, end] of spans) {
        events.seek(first);
        for (let i = first; i < end; i++) {
          const at = time(i);
          const json = events.next(at);
          sure.at(at).sent += pending.has(i) ? 0 : 1;
          if (pending.has(i)) unsure.at(at).sent++;
          const block = Math.floor(i / blockEvents);
          let last = blocks.at(-1);
          if (last?.run !== run || last.lane !== lane || last.block !== block) {
            last = { run, lane, block, events: 0, kills: 0 };
            blocks.push(last);
          }
          if (pending.has(i)) last.maybe ??= { events: 0, kills: 0 };
          const counts = (pending.has(i) && last.maybe) || last;
          counts.events++;
          if (isKill(json)) counts.kills++;
          const kind = troubleOf(game, lane, i);
          if (kind === undefined) continue;
          trouble[kind].events++;
          if (trouble[kind].examples.length < MARKED_EXAMPLES) trouble[kind].examples.push(markedId(`${run}-${lane}-${i}`, kind));
        }
      }
    }
  const byMinute = [...sure.all.values()].map(({ minute, sent: count }) => ({
    minute,
    sent: count,
    maybe: unsure.all.get(minute)?.sent ?? 0,
  }));
  return { blocks, minutes: byMinute, trouble };
}

/** Counts what a place holds, record by record; `isAll`: with the minutes that agree, too. */
export function tally(sent: Sent, isAll = false): { take(record: string): void; holding(): Holding } {
  const books = new Map(
    [...sent].map(([run, { game, lanes }]) => [run, lanes.map((lane, number) => ({ ...lane, ...book(game, number, lane) }))]),
  );
  const sum = { kills: 0, heartbeats: 0, oversized: 0, unknown: 0, later: 0 };
  const take = (record: string): void => {
    const idEnd = record.indexOf('"', ID.length);
    const id = record.slice(ID.length, idEnd);
    const [run = '', where = '', number = ''] = id.split('-');
    if (where === 'hb' || where === 'late') return void sum.heartbeats++;
    if (number.endsWith('o')) return void sum.oversized++;
    const isHalf = number.endsWith('x');
    const i = Number(isHalf ? number.slice(0, -1) : number);
    const lane = books.get(run)?.[Number(where)];
    if (!record.startsWith(ID) || !run || !where || !number || !(i >= 0)) return void sum.unknown++;
    if (!lane) return void sum.later++;
    if (!isWithin(lane.spans, i)) {
      if (i >= lane.end) sum.later++;
      else if (!isWithin(lane.known, i)) sum.unknown++;
      return;
    }
    if (isHalf) return void (lane.noteHalf(i, record) || sum.unknown++);
    if (lane.note(i, record) && isKill(record)) sum.kills++;
  };
  const holding = (): Holding => {
    const found: Holding = { ...nothing(), ...sum };
    const { all, at } = minutes();
    for (const [run, lanes] of books) for (const [lane, { addTo }] of lanes.entries()) addTo(found, `${run}-${lane}`, at);
    return { ...found, minutes: told(all.values(), isAll) };
  };
  return { take, holding };
}

const EXAMPLES = 20;
const MARKED_EXAMPLES = 5;
const ID = '{"event_id":"';

const nothing = (): Holding => ({
  events: 0,
  kills: 0,
  missing: 0,
  altered: 0,
  copies: { onPurpose: 0, resent: 0, unexplained: 0 },
  malformed: 0,
  heartbeats: 0,
  lacking: { malformed: 0, copies: 0 },
  oversized: 0,
  unknown: 0,
  later: 0,
  minutes: [],
  examples: { missing: [], twice: [], altered: [], lacking: [] },
});

/** What was seen of one lane: a bit an event, and the few that came more than once or otherwise than they were sent. */
function book(game: Game, lane: number, sent: SentLane) {
  const { spans, bases, resent, pending, pendingCopies, end } = sent;
  const seen = new Uint8Array(Math.ceil(end / 8));
  const again = new Map<number, number>();
  const altered: number[] = [];
  /** How often the malformed record that goes with an event came, and those that came otherwise. */
  const halves = new Map<number, number>();
  const alteredHalves: number[] = [];
  const inOrder = laneOf(game, lane);
  const outOfOrder = laneOf(game, lane);
  const time = clock(bases);
  const expected = (i: number): string => {
    const events = i >= inOrder.at && i < inOrder.at + 10_000 ? inOrder : outOfOrder;
    if (events.at !== i) events.seek(i);
    return events.next(time(i));
  };
  return {
    /** True the first time. */
    note: (i: number, record: string): boolean => {
      if (expected(i) !== record) altered.push(i);
      const bit = 1 << (i & 7);
      const isFirst = (seen[i >> 3]! & bit) === 0;
      if (isFirst) seen[i >> 3]! |= bit;
      else again.set(i, (again.get(i) ?? 0) + 1);
      return isFirst;
    },
    /** False when no malformed record goes with that event. */
    noteHalf: (i: number, record: string): boolean => {
      if (troubleOf(game, lane, i) !== 'malformed') return false;
      if (malformed(expected(i)) !== record) alteredHalves.push(i);
      halves.set(i, (halves.get(i) ?? 0) + 1);
      return true;
    },
    addTo: (found: Holding, name: string, minuteOf: (time: number) => Minute): void => {
      const show = (list: string[], i: number, mark = '') => list.length < EXAMPLES && list.push(`${name}-${i}${mark}`);
      for (const [first, to] of spans)
        for (let i = first; i < to; i++) {
          if (pending.has(i)) continue;
          const minute = minuteOf(time(i));
          minute.sent++;
          if (seen[i >> 3]! & (1 << (i & 7))) {
            found.events++;
            minute.events++;
          } else {
            found.missing++;
            show(found.examples.missing, i);
          }
          const kind = troubleOf(game, lane, i);
          if (kind === 'malformed' && !halves.has(i)) {
            found.lacking.malformed++;
            show(found.examples.lacking, i, 'x');
          }
          if (kind === 'duplicate' && !again.has(i) && !pendingCopies.has(i) && !wasTooLate(game, sent, i)) {
            found.lacking.copies++;
            show(found.examples.lacking, i);
          }
        }
      const further = (i: number, count: number, isResent: boolean, mark = '') => {
        found.copies[isResent ? 'resent' : 'unexplained'] += count;
        if (isResent) return;
        minuteOf(time(i)).twice += count;
        show(found.examples.twice, i, mark);
      };
      for (const [i, count] of again) {
        const kind = troubleOf(game, lane, i);
        const onPurpose = kind === 'duplicate' ? 1 : 0;
        found.copies.onPurpose += onPurpose;
        if (count <= onPurpose) continue;
        const wasHeldBack = kind === 'late' || kind === 'duplicate';
        const isResent = isWithin(resent, i) || (wasHeldBack && isWithin(resent, sentBefore(game, i, bases)));
        further(i, count - onPurpose, isResent);
      }
      for (const [i, count] of halves) {
        found.malformed += count;
        if (count > 1) further(i, count - 1, isWithin(resent, i), 'x');
      }
      found.altered += altered.length + alteredHalves.length;
      for (const i of [...altered, ...alteredHalves]) minuteOf(time(i)).altered++;
      for (const i of alteredHalves) show(found.examples.altered, i, 'x');
      for (const i of altered) show(found.examples.altered, i);
    },
  };
}

/** When event i happens; quick when asked in order. */
function clock(bases: TimeBase[]): (i: number) => number {
  let at = 0;
  return (i) => {
    while (at > 0 && bases[at]!.from > i) at--;
    while (at + 1 < bases.length && bases[at + 1]!.from <= i) at++;
    return timeOf([bases[at]!], i);
  };
}

const isKill = (json: string): boolean => json.startsWith('"event_type":"kill"', json.indexOf('"', ID.length) + 2);

/** True for a number in one of the spans, which are sorted. */
export function isWithin(spans: Span[], i: number): boolean {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (spans[middle]![1] <= i) low = middle + 1;
    else high = middle;
  }
  return low < spans.length && spans[low]![0] <= i;
}
