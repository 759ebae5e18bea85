import type { PlaceName } from '../activities/places.ts';
import type { Holding } from '../activities/tally.ts';
import type { Audit, Missed, PlaceCount } from '../pipeline/audit.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Found } from './audit.ts';

/** What was counted; what of it could not be is among `missed`. */
export interface Counted {
  truth: { events: number; kills: number };
  stream?: Holding;
  lake: Holding;
  found: Found;
  since: number;
  sending?: boolean;
  missed: Missed[];
}

/** The report of an audit of a pipeline on this target. */
export function reportOf(target: Pipeline['target'], { truth, stream, lake, found, since, sending, missed }: Counted): Audit {
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
    places: stream ? [placeOf('stream', stream), delivered(target, stream, placeOf('lake', lake))] : [placeOf('lake', lake)],
    wrongInAthena: inAthena?.wrong ?? [],
    sending,
    missed,
    at: Date.now(),
    since,
    ...others,
  };
}

function placeOf(place: PlaceName, holding: Holding): PlaceCount {
  const { kills, heartbeats, ...counts } = holding;
  return { place, ...counts };
}

/** The lake, its copies that are not in the stream told apart: on AWS Firehose delivers at least once. The local one delivers once, so there they stay unexplained. */
function delivered(target: Pipeline['target'], stream: Holding, lake: PlaceCount): PlaceCount {
  const redelivered = Math.max(0, lake.copies.unexplained - stream.copies.unexplained);
  if (target !== 'aws' || redelivered === 0) return lake;
  const twice = lake.examples.twice.filter((id) => stream.examples.twice.includes(id));
  const copies = { ...lake.copies, unexplained: lake.copies.unexplained - redelivered, redelivered };
  return { ...lake, copies, examples: { ...lake.examples, twice } };
}
