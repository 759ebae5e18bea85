import { type Match, nextEvent, openMatch, SEATS } from './match.ts';
import type { GameEvent } from './schema.ts';
import type { Trouble } from './trouble.ts';

/** What events are a function of, besides their lane, number and time. Same inputs, same bytes. */
export interface Game {
  /** Sets the events of one pipeline's life apart from another's. */
  run: string;
  seed: number;
  players: number;
  /** How many independent lanes there are, each with at least ten players; with another number it is another game, and wants a run of its own. */
  lanes: number;
  trouble: Trouble;
  /** How long a block is, in milliseconds of event time; see Trouble. */
  lateAfter: number;
}

/** The events of a lane, one after the other. What it gives depends on nothing but game, lane, number and time; it only remembers the matches under way. */
export interface Lane {
  /** Number of the next event. */
  readonly at: number;
  /** Makes `i` the next event; costs no more than playing the lane's matches again from their starts. */
  seek(i: number): void;
  /** JSON of the next event, which happens at `time` (milliseconds since the epoch). */
  next(time: number): string;
}

const MATCH_EVENTS = 256;
/** A slot's first match is shorter, each slot's by another length, so that a lane's matches do not all end at once. */
const SHORTEST = 40;
const MOST_SLOTS = 32;
const PLAYERS_A_SLOT = 20;
const SLOTS_A_SERVER = 4;

/**
 * A lane's matches run side by side in slots, one after the other in each. Player p belongs to lane p % lanes; a lane's players are dealt out to its slots
 * for good, twenty or more to each, so that nobody is ever in two matches, and for each match ten of them are drawn.
 */
export function laneOf({ run, seed, players, lanes }: Game, lane: number): Lane {
  if (!Number.isInteger(lane) || lane < 0 || lane >= lanes) throw new RangeError(`there is no lane ${lane} of ${lanes}`);
  const own = Math.floor((players - 1 - lane) / lanes) + 1;
  if (own < SEATS) throw new RangeError(`lane ${lane} of ${lanes} has ${own} of ${players} players, and a match needs ${SEATS}`);
  const slots = slotsOf(own);
  const matches: Match[] = [];
  const head = `{"event_id":"${run}-${lane}-`;
  let at = 0;

  /** The match of `slot` that has the number `turn` there, just before its event `step`. */
  function matchAt(slot: number, turn: number, step: number): Match {
    const number = turn * slots + slot;
    let match = matches[slot];
    if (match === undefined || match.number !== number || match.step > step) {
      const size = Math.floor((own - 1 - slot) / slots) + 1;
      match = openMatch({
        run,
        seed,
        lane,
        number,
        server: 1 + lane + lanes * Math.floor(slot / SLOTS_A_SERVER),
        length: turn === 0 ? MATCH_EVENTS - skipped(slot, slots) : MATCH_EVENTS,
        pool: { first: lane + lanes * slot, stride: lanes * slots, size },
        showcase: turn === 0,
      });
      matches[slot] = match;
    }
    while (match.step < step) nextEvent(match, '', '');
    return match;
  }

  return {
    get at() {
      return at;
    },
    seek(i) {
      at = i;
    },
    next(time) {
      const i = at++;
      const round = Math.floor(i / slots);
      const slot = i - round * slots;
      const skip = skipped(slot, slots);
      const turn = Math.floor((round + skip) / MATCH_EVENTS);
      const step = turn === 0 ? round : round + skip - turn * MATCH_EVENTS;
      return nextEvent(matchAt(slot, turn, step), head + i, timeText(time));
    },
  };
}

/** How many matches a lane of so many players has side by side. */
const slotsOf = (players: number): number => Math.min(MOST_SLOTS, Math.max(1, Math.floor(players / PLAYERS_A_SLOT)));

/** By how many events the first match of a slot is shorter than others. */
const skipped = (slot: number, slots: number): number => Math.floor(((MATCH_EVENTS - SHORTEST) * (slots - slot)) / slots);

/** An event of a lane that only moves event time on, so that windows close. */
export const heartbeat = (run: string, lane: number, time: number): GameEvent => ({
  event_id: `${run}-hb-${lane}-${Math.floor(time)}`,
  event_type: 'heartbeat',
  event_time: timeText(time),
  match_id: `${run}-heartbeat`,
  server_id: 'generator',
});

/** A heartbeat that comes late on purpose, to try the path of late records: it happened at `time`. */
export const probe = (run: string, lane: number, time: number): GameEvent => ({
  ...heartbeat(run, lane, time),
  event_id: `${run}-late-${lane}-${Math.floor(time)}`,
});

const MILLISECONDS = Array.from({ length: 1000 }, (_, ms) => String(ms).padStart(3, '0'));
let second = Number.NaN;
let secondText = '';

/** A time (milliseconds since the epoch) as events have it. */
function timeText(time: number): string {
  const whole = Math.floor(time);
  const seconds = Math.floor(whole / 1000);
  if (seconds !== second) {
    secondText = new Date(seconds * 1000).toISOString().slice(0, 20);
    second = seconds;
  }
  return secondText + MILLISECONDS[whole - seconds * 1000]!;
}
