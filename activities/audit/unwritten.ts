import { firstSince, type Span, timeOf } from '../../pipeline/ledger.ts';
import type { FlushedLedger } from '../../workflows/messages.ts';
import type { Sent } from './ledger-index.ts';

/** How far the lanes of a running generator say that they have come; earlier versions said nothing. */
export type Reached = Partial<Pick<FlushedLedger, 'game' | 'lanes' | 'bases'>>;

/** Events that the lanes made, and of which the ledger has nothing: how many, and the first few runs of their numbers, in words. */
export interface Unwritten {
  events: number;
  examples: string[];
}

/**
 * Finds the numbers that the ledger leaves out: before its ranges (as far back as the time base of the first reaches), between them, and up to where the lanes of a running generator say that they are. Only what surely happened at
 * `from` or later (milliseconds since the epoch) counts, by the time bases that are known; so where bases are lost, too, it is the least that there can be.
 */
export function unwritten(sent: Sent, from: number, { game, lanes = [], bases = [] }: Reached = {}): Unwritten {
  const found: Unwritten = { events: 0, examples: [] };
  const note = (run: string, lane: number, [first, end]: Span) => {
    if (first >= end) return;
    found.events += end - first;
    if (found.examples.length < EXAMPLES) found.examples.push(`${run}-${lane}-${first} to ${end - 1}`);
  };
  for (const [run, { lanes: written }] of sent)
    for (const [lane, { known, bases: times }] of written.entries()) {
      const [earliest] = times;
      if (earliest && known[0]) note(run, lane, [firstSince([earliest], from), known[0][0]]);
      for (const [at, [first]] of known.slice(1).entries()) {
        const last = known[at]![1];
        if (timeOf(times, last) >= from) note(run, lane, [last, first]);
      }
    }
  if (game)
    for (const [lane, next] of lanes.entries()) {
      const { known = [], bases: times = [] } = sent.get(game.run)?.lanes[lane] ?? {};
      const last = known.at(-1)?.[1];
      if (last !== undefined && timeOf(times, last) >= from) note(game.run, lane, [last, next]);
      else if (bases[lane]?.length) note(game.run, lane, [Math.max(last ?? 0, firstSince(bases[lane], from)), next]);
    }
  return found;
}

const EXAMPLES = 20;
