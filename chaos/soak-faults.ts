import { quantile } from '../bench/figure.ts';
import type { Count } from '../local/faults.ts';
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
  /** What was to be killed, and what was to fail: each at least once. */
  victims: readonly string[];
  failures: readonly Count[];
  /** Resident megabytes of each part, minute by minute; NaN while it did not run. */
  memory: Record<string, number[]>;
}

/** Of all events fewer are there once more. */
const RESENT = 0.001;
/** Of the events that the rate asks for at least this share is sent. */
const SENT = 0.97;
/** Without these nothing is sent until they are back. */
const SENDERS = ['worker', 'local AWS'];
/** Kills end with this share of the time: what lives on from then on is old enough to have grown. */
export const KILLS = 0.5;
/** In the last quarter of the minutes after the kills a part takes at most twice what it took in the first, and this many megabytes: the JVM's heap fills up, and Flink knows an id for an hour. */
const GROWTH = { times: 2, megabytes: 256 };

/** What a soak was not to come to, a line each. */
export function soakFaults({ minutes, rate, generated, resent, blows, victims, failures, memory }: Soak): string[] {
  const faults: string[] = [];
  const share = resent / generated;
  if (!(share < RESENT)) faults.push(`${resent} of ${generated} events were sent again, a share of ${share}; it is to be below ${RESENT}`);
  const recovering = (blows.filter((part) => SENDERS.includes(part)).length * RECOVERY_MS) / 1000;
  const due = Math.max(0, SENT * rate * (minutes * 60 - recovering));
  if (!(generated >= due))
    faults.push(`${generated} events were sent; at ${rate} a second, less ${recovering} s of recoveries, ${Math.ceil(due)} were due`);
  for (const victim of victims) if (!blows.includes(victim)) faults.push(`${victim} was never killed`);
  for (const { rule, struck } of failures) if (struck === 0) faults.push(`no ${rule.operation} failed by ${rule.fault.kind}`);
  for (const [part, all] of Object.entries(memory)) {
    const known = all.slice(Math.floor(all.length * KILLS)).filter((megabytes) => !Number.isNaN(megabytes));
    const quarter = Math.floor(known.length / 4);
    if (quarter === 0) continue;
    const [first, last] = [quantile(known.slice(0, quarter), 0.5), quantile(known.slice(-quarter), 0.5)];
    const most = GROWTH.times * first + GROWTH.megabytes;
    if (last > most) faults.push(`the memory of ${part} grew from ${first} to ${last} MB; it may be ${most} MB`);
  }
  return faults;
}
