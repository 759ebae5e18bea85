import type { PlaceName } from '../activities/places.ts';
import type { Holding } from '../activities/tally.ts';
import type { Audit, Missed, PlaceCount } from '../pipeline/audit.ts';
import type { Found } from './audit.ts';

/** What was counted; what of it could not be is among `missed`. */
export interface Counted {
  truth: { events: number; kills: number };
  stream?: Holding;
  lake: Holding;
  found: Found;
  since: number;
  missed: Missed[];
}

/** The report of an audit. */
export function reportOf({ truth, stream, lake, found, since, missed }: Counted): Audit {
  const { inAthena, ...others } = found;
  const inStream = stream && truth.events - stream.missing;
  const inS3 = truth.events - lake.missing;
  return {
    generated: truth.events,
    inStream,
    inS3,
    inAthena: inAthena?.events,
    lost: truth.events - Math.min(inS3, inStream ?? inS3, inAthena?.events ?? inS3),
    resent: stream ? stream.copies.resent + stream.copies.unexplained : 0,
    heartbeats: stream?.heartbeats ?? lake.heartbeats,
    killsGenerated: truth.kills,
    places: [...(stream ? [placeOf('stream', stream)] : []), placeOf('lake', lake)],
    wrongInAthena: inAthena?.wrong ?? [],
    missed,
    at: Date.now(),
    since,
    ...others,
  };
}

const placeOf = (place: PlaceName, { events, missing, altered, copies, malformed, examples }: Holding): PlaceCount => ({
  place,
  events,
  missing,
  altered,
  copies,
  malformed,
  examples,
});
