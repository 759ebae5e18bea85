import { cost, perHour, perMonth, type Running, total } from '../pipeline/cost.ts';
import { standing } from '../pipeline/stages.ts';
import { asSent, runningOf } from './budget.ts';
import type { PipelineStatus } from './messages.ts';

/** What goes on costing, US dollars an hour, and what the user may do next: the same in `status`, on the command line and in the Temporal UI. */
export interface Outlook {
  /** What is paid now. */
  perHour: number;
  /** What it is on AWS, or on target `local` would be. */
  onAws: number;
  words: string;
  /** Commands. */
  next: string[];
}

const EVENTS_HELD = 'No events are sent until the stream and all deliveries stand, or they would be missing from the lake.';
/** What is less comes out as $0.000. */
const LEAST_SHOWN = 0.0005;

/** How it stands with a pipeline and its bill. */
export function outlook(status: PipelineStatus): Outlook {
  const { stages, created } = status;
  const pipeline = asSent(status);
  const running: Running = { ...runningOf(status), stands: standing(stages, created) };
  const lines = cost(pipeline, running);
  const onAws = total(lines);
  const dearest = lines
    .filter((line) => line.perHour >= LEAST_SHOWN)
    .sort((a, b) => b.perHour - a.perHour)
    .slice(0, 3)
    .map((line) => `${line.what} $${line.perHour.toFixed(3)}`)
    .join(', ');
  const sum = `$${onAws.toFixed(2)} an hour, $${perMonth(onAws).toFixed(0)} a month${dearest && ` (most of it ${dearest})`}`;
  const bill = pipeline.target === 'local' ? `Nothing is billed here; on AWS this would cost ${sum}.` : `Billed now: ${sum}.`;
  const words = status.eventsHeld ? `${EVENTS_HELD} ${bill}` : bill;
  return { perHour: perHour(pipeline, running), onAws, words, next: next(status) };
}

/** Why it is in its state, and, where that is something else, why it paused by itself, and why it does not know of drift and cost. */
export const reasonsOf = ({ reason, overBudget, lookFault }: PipelineStatus): string[] => [
  ...(reason === undefined ? [] : [reason]),
  ...(overBudget === undefined || overBudget === reason ? [] : [`paused by itself, since ${overBudget}`]),
  ...(lookFault === undefined ? [] : [`the look at drift and cost failed: ${lookFault}`]),
];

const COMMON = ['npx d2d open', 'npx d2d query', 'npx d2d pause', 'npx d2d down'];

function next({ state, deep, paused, overBudget, teardownBegun }: PipelineStatus): string[] {
  if (state === 'held' && teardownBegun) return ['npx d2d down', 'npx d2d up'];
  if (state === 'paused') return ['npx d2d resume', ...(deep ? [] : ['npx d2d pause --deep']), 'npx d2d down'];
  const resume = paused || overBudget !== undefined ? ['npx d2d resume'] : [];
  if (state === 'held') return ['npx d2d up', 'npx d2d up --rollback', ...resume, 'npx d2d down'];
  if (state === 'starting' || state === 'applying') return [...resume, ...COMMON];
  return COMMON;
}
