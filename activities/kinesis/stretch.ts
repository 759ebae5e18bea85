import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { hashKeyOf } from '../../pipeline/lanes.ts';
import { dueBy, joined, type Span, type TimeBase, timeOf } from '../../pipeline/ledger.ts';
import { type Game, heartbeat, type Lane, laneOf, probe } from '../../pipeline/simulation.ts';
import { type Due, dueAt, dueAtEnd, malformed, oversized, troubleOf } from '../../pipeline/trouble.ts';
import type { Producer } from './producer.ts';

/** Events of one lane, `from` up to, not including, `to`; the last of the time bases is theirs, the others are of events that may be held back. */
export interface Stretch {
  game: Game;
  lane: number;
  from: number;
  to: number;
  bases: TimeBase[];
  /** What was held back of events below it has been sent. */
  since: number;
  /** It does not end before, though all is sent: then the pace may be another (milliseconds since the epoch). */
  until?: number;
}

/** A lane that falls silent before event `next`; what was held back of events below `since` has been sent. */
export interface Silent {
  lane: number;
  next: number;
  since: number;
  bases: TimeBase[];
}

/** How far sending has come. */
export interface SendProgress {
  /** Of a stretch. */
  lane?: number;
  /** Where the stretch begins. */
  first: number;
  /** Every event below it is acknowledged. */
  next: number;
  /** Event time of the latest record, milliseconds since the epoch; 0 before the first. */
  latest: number;
  heartbeats: number;
  /** Events that were sent again, since nobody knew what had become of them. */
  resent: Span[];
  /** Records that were too large to be sent. */
  oversized: number;
  /** Lane by lane, what was held back and was sent again likewise; undefined if that ended early. */
  heldBack?: Span[][];
  /** When it was told, by the sender's clock; milliseconds since the epoch. */
  at?: number;
  /** Nothing beyond it was sent. */
  ended?: boolean;
}

/** Nothing sent yet. */
export const unsent = (next: number): SendProgress => ({ first: next, next, latest: 0, heartbeats: 0, resent: [], oversized: 0 });

/** When sending ends early: what is acknowledged stays one unbroken run of numbers. */
export interface Ending {
  signal: AbortSignal;
  /** Asked before more is made: nothing that falls due later is (milliseconds since the epoch). It may abort. */
  dueUntil?(): number;
}

/** By whom it is sent, and who is told. */
export interface Sending extends Ending {
  producer: Producer;
  report(sent: SendProgress): void;
  /** Numbers of events that the stream has already, where this is known: but for what goes with them, or is a second copy, they are left out. */
  there?: ReadonlySet<number>;
}

/** After so long the SQL may have forgotten an event (`table.exec.state.ttl` in sql/flink, of which this leaves half), and a copy would count as a further one. */
export const FORGOTTEN_MS = 30 * 60_000;

/**
 * So far in event time a lane goes past its oldest event that waits for an answer, with events as with heartbeats: what comes five seconds behind another of its shard
 * (WATERMARK_SECONDS) is late. But not when that has been the oldest for so long by the clock: a shard counts as idle after 30 seconds. By then a call that is never answered
 * has been given up, looked up and made again.
 */
const WAITING_MS = { ahead: 3_000, longest: 28_000 };

const ALWAYS = () => Number.POSITIVE_INFINITY;
const TICK_MS = 50;
/** So many events that are due are made in one go: then it is heard whether sending is to end. */
const TURN_EVENTS = 200;
const BEAT_MS = 1_000;
/** How often the path of late records is tried, by a heartbeat that is so late on purpose. */
const PROBE_MS = 10_000;
const LATE_MS = 60_000;

/** Sends a stretch at its pace, behind it as fast as the stream takes; each second also a heartbeat, lest a quiet shard hold windows open. */
export async function sendStretch(
  stretch: Stretch,
  start: SendProgress,
  { producer, signal, dueUntil = ALWAYS, report, there }: Sending,
): Promise<SendProgress> {
  const { game, lane, from, to, bases, since, until = 0 } = stretch;
  const sent: SendProgress = { ...start, next: Math.max(start.next, from), resent: [...start.resent] };
  const events = laneOf(game, lane);
  events.seek(sent.next);
  const heldBack = laneOf(game, lane);
  const delivery = producer.lane({
    from: sent.next,
    signal,
    report: ({ next }) => {
      sent.next = next;
      report({ ...sent });
    },
    resent: (spans) => {
      sent.resent = joined([...sent.resent, ...spans]);
    },
    oversized: () => {
      sent.oversized++;
    },
  });
  const send = sender(game, lane, delivery);
  let i = sent.next;
  const beat = beats(game, lane, send);
  const horizon = horizonOf(bases, delivery);
  const isDone = () => i >= to && Date.now() >= until;
  while (!isDone()) {
    const latest = dueUntil();
    if (signal.aborted) break;
    const due = Math.min(to, dueBy(bases, Math.min(latest, horizon(i))));
    const end = Math.min(due, i + TURN_EVENTS);
    while (i < end && !signal.aborted) {
      for (const due of dueAt(game, lane, i, bases, since))
        if (!isTooLate(due, bases) && !isThere(due, there)) await send(jsonAt(heldBack, due.i, bases), i);
      const time = timeOf(bases, i);
      const kind = troubleOf(game, lane, i);
      const json = events.next(time);
      if (kind !== 'late' && !there?.has(i)) await send(json, i);
      if (kind === 'malformed') await send(malformed(json), i);
      if (kind === 'oversized') await send(oversized(json), i);
      sent.latest = Math.floor(time);
      i++;
      delivery.reached(i);
      sent.heartbeats += await beat(sent.latest, i);
    }
    if (isDone()) break;
    if (i < due) {
      await turn();
      continue;
    }
    sent.latest = Math.max(sent.latest, Math.floor(Math.min(horizon(i), timeOf(bases, i))));
    sent.heartbeats += await beat(sent.latest, i);
    report({ ...sent });
    await pause(TICK_MS, signal);
  }
  const { next } = await delivery.end();
  return { ...sent, next };
}

/**
 * Sends what a lane holds back when it falls silent before event `next`; gives what of it was sent again, since nobody knew what had become of it. Undefined if it was
 * ended early: then nobody knows what is left.
 */
export async function sendHeldBack(
  { game, lane, next, since, bases }: { game: Game } & Silent,
  { producer, signal, dueUntil = ALWAYS, there }: Omit<Sending, 'report'>,
): Promise<Span[] | undefined> {
  let isOver = false;
  const events = laneOf(game, lane);
  let resent: Span[] = [];
  const delivery = producer.lane({
    resent: (spans) => {
      resent = joined([...resent, ...spans]);
    },
  });
  const send = sender(game, lane, delivery);
  for (const due of dueAtEnd(game, lane, next, bases, since)) {
    isOver = dueUntil() <= Date.now() || signal.aborted;
    if (isOver) break;
    if (!isTooLate(due, bases) && !isThere(due, there)) await send(jsonAt(events, due.i, bases), due.i);
  }
  await delivery.end();
  return isOver ? undefined : resent;
}

/** Sends heartbeats alone, one a second on every lane, until the clock has passed `until`; none is older than what its lane has sent (`after`). */
export async function sendHeartbeats(
  { game, after, until }: { game: Game; after: number[]; until: number },
  { producer, signal, dueUntil = ALWAYS, report }: Sending,
): Promise<SendProgress> {
  const lanes = after.map((least, lane) => {
    const delivery = producer.lane();
    return { delivery, beat: beats(game, lane, sender(game, lane, delivery)), least };
  });
  const sent = unsent(0);
  while (sent.latest < until && dueUntil() > Date.now() && !signal.aborted) {
    sent.latest = Math.max(Date.now(), ...after);
    for (const { beat, least } of lanes) sent.heartbeats += await beat(Math.max(sent.latest, least), 0);
    report({ ...sent });
    if (sent.latest < until) await pause(BEAT_MS, signal);
  }
  await Promise.all(lanes.map(({ delivery }) => delivery.end()));
  return sent;
}

/** How far in event time a lane may go before its event `i` (milliseconds since the epoch): to the clock's time, but only so far past what waits for an answer. */
function horizonOf(bases: TimeBase[], { progress }: ReturnType<Producer['lane']>): (i: number) => number {
  let oldest = { next: Number.NaN, since: 0 };
  return (i) => {
    const { next } = progress();
    const now = performance.now();
    if (next !== oldest.next || next >= i) oldest = { next, since: now };
    const isStuck = now - oldest.since > WAITING_MS.longest;
    return isStuck ? Date.now() : Math.min(Date.now(), timeOf(bases, next) + WAITING_MS.ahead);
  };
}

/** True for a second copy that the SQL would no longer know for one. */
const isTooLate = ({ i, kind }: Due, bases: TimeBase[]): boolean => kind === 'duplicate' && Date.now() - timeOf(bases, i) > FORGOTTEN_MS;

/** True for a late event that has been sent already; of a second copy that cannot be told, as the first is there anyway. */
const isThere = ({ i, kind }: Due, there: ReadonlySet<number> | undefined): boolean => kind === 'late' && there?.has(i) === true;

type Send = (json: string, position: number) => Promise<void> | undefined;

/** The match is the partition key, so that its events stay in order; the lane is the shard. */
function sender({ lanes }: Game, lane: number, { send }: ReturnType<Producer['lane']>): Send {
  const hashKey = hashKeyOf(lane, lanes);
  return (json, position) => send({ data: json, partitionKey: matchOf(json), hashKey, position });
}

const MATCH = '"match_id":"';

/** That of an event whose id of a match is cut off, as it is malformed on purpose, is no matter; only empty it must not be. */
export function matchOf(json: string): string {
  const begin = json.indexOf(MATCH) + MATCH.length;
  const end = json.indexOf('"', begin);
  return begin < MATCH.length || end <= begin ? 'none' : json.slice(begin, end);
}

const jsonAt = (events: Lane, i: number, bases: TimeBase[]): string => {
  events.seek(i);
  return events.next(timeOf(bases, i));
};

/** Heartbeats of a lane: one when a second of event time has passed since the last, and now and then one that is late. Gives how many. */
function beats(game: Game, lane: number, send: Send): (time: number, position: number) => Promise<number> {
  let last = Number.NEGATIVE_INFINITY;
  let probed = Number.NEGATIVE_INFINITY;
  return async (time, position) => {
    if (time - last < BEAT_MS) return 0;
    last = time;
    await send(JSON.stringify(heartbeat(game.run, lane, time)), position);
    if (time - probed < PROBE_MS) return 1;
    probed = time;
    await send(JSON.stringify(probe(game.run, lane, time - LATE_MS)), position);
    return 2;
  };
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(milliseconds, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
