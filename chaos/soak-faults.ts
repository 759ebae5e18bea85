import { quantile } from '../bench/figure.ts';
import { RECOVERY_MS } from './run.ts';

/** What a soak came to, beside what an audit says of it. */
export interface Soak {
  minutes: number;
  /** Events a second that were asked for. */
  rate: number;
  generated: number;
  /** Copies of events that the stream holds since nobody knew what had become of the first. */
  resent: number;
  /** What was killed, in order. */
  blows: readonly string[];
  /** Resident megabytes of each part, minute by minute; NaN while it did not run. */
  memory: Record<string, number[]>;
}

/** Of all events fewer are there once more. */
const RESENT = 0.001;
/** Of the events that the rate asks for at least this share is sent. */
const SENT = 0.97;
/** Without these nothing is sent until they are back. */
const SENDERS = ['worker', 'local AWS'];
/** In the last quarter of its minutes a part takes at most twice what it took in the first, and this many megabytes: the JVM's heap fills up, and Flink knows an id for an hour. */
const GROWTH = { times: 2, megabytes: 256 };

/** What a soak was not to come to, a line each. */
export function soakFaults({ minutes, rate, generated, resent, blows, memory }: Soak): string[] {
  const faults: string[] = [];
  const share = resent / generated;
  if (!(share < RESENT)) faults.push(`${resent} of ${generated} events were sent again, a share of ${share}; it is to be below ${RESENT}`);
  const recovering = (blows.filter((part) => SENDERS.includes(part)).length * RECOVERY_MS) / 1000;
  const due = Math.max(0, SENT * rate * (minutes * 60 - recovering));
  if (!(generated >= due))
    faults.push(`${generated} events were sent; at ${rate} a second, less ${recovering} s of recoveries, ${Math.ceil(due)} were due`);
  for (const [part, all] of Object.entries(memory)) {
    const known = all.filter((megabytes) => !Number.isNaN(megabytes));
    const quarter = Math.floor(known.length / 4);
    if (quarter === 0) continue;
    const [first, last] = [quantile(known.slice(0, quarter), 0.5), quantile(known.slice(-quarter), 0.5)];
    const most = GROWTH.times * first + GROWTH.megabytes;
    if (last > most) faults.push(`the memory of ${part} grew from ${first} to ${last} MB; it may be ${most} MB`);
  }
  return faults;
}
