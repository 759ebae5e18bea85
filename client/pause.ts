import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { taskQueue } from '../worker/connect.ts';
import type { PipelineStatus } from '../workflows/messages.ts';
import * as messages from '../workflows/messages.ts';
import { outlook } from '../workflows/outlook.ts';
import { absence, absenceWords } from './absence.ts';
import { onceAnswered, runsHere } from './pipeline.ts';
import { session } from './session.ts';
import { type Snapshot, snapshot } from './snapshot.ts';
import { UserError } from './user-error.ts';
import type { VerbResult } from './verb.ts';

/** Pauses generation and schedules (deep: and the Studio application), waits until they stand, and says what goes on and costs. */
export const pause = ({ deep = false }: { deep?: boolean }): Promise<VerbResult> => tell('paused', deep);

/** Why a pipeline cannot go on: it is, or was, being taken down. Undefined if it can. */
export function whyNoResume(
  { name }: Pick<Pipeline, 'name'>,
  { teardownBegun, state }: Pick<PipelineStatus, 'teardownBegun' | 'state'>,
): string | undefined {
  if (!teardownBegun) return undefined;
  if (state !== 'held') return `pipeline ${name} is being taken down`;
  return `pipeline ${name} is half taken down; npx d2d down takes away the rest, npx d2d up brings it back`;
}

/** Lets generation and schedules go on, the SQL from where its windows stopped. */
export const resume = (): Promise<VerbResult> => tell('running', false);

async function tell(wanted: 'paused' | 'running', deep: boolean): Promise<VerbResult> {
  const { client, pipeline } = await session();
  return tellPipeline(client, pipeline, wanted, deep);
}

/** Tells a pipeline to pause or go on, waits until it stands so or is told otherwise, and says what came of it. */
export async function tellPipeline(client: Client, pipeline: Pipeline, wanted: 'paused' | 'running', deep: boolean): Promise<VerbResult> {
  await runsHere(client, pipeline);
  const before = await snapshot(client, pipeline.name);
  if (!before) throw new UserError(absenceWords(pipeline, await absence(client, pipeline)));
  const refusal = wanted === 'running' ? whyNoResume(pipeline, before.pipeline) : undefined;
  if (refusal !== undefined) throw new UserError(refusal);
  const handle = client.workflow.getHandle(names(pipeline).workflows.pipeline);
  await (wanted === 'paused' ? handle.signal(messages.pause, { deep }) : handle.signal(messages.resume));
  const stands = ({ pipeline: now, generator, notebook }: Snapshot) =>
    now.paused === (wanted === 'paused') &&
    (deep ? now.deep : wanted === 'paused' || !now.deep) &&
    (generator?.state === wanted || generator?.state === 'finished' || (wanted === 'running' && now.eventsHeld === true)) &&
    (!deep || notebook?.state === 'suspended');
  // Somebody else, or the budget, has said otherwise since.
  const isOvertaken = (seen: Snapshot) =>
    seen !== before && (seen.pipeline.desired.paused !== (wanted === 'paused') || (deep && !seen.pipeline.desired.deep));
  const look = () => onceAnswered(client, pipeline.name, taskQueue(pipeline));
  const obstacle = (seen: Snapshot) => (wanted === 'paused' ? inTheWay(seen, deep) : undefined);
  const now = before.pipeline.generating
    ? await untilStands(before, look, (seen) => stands(seen) || isOvertaken(seen), obstacle, say)
    : before;
  if (!now) throw new UserError(`pipeline ${pipeline.name} ended meanwhile. See: npx d2d status`);
  const { state } = now.pipeline;
  if (!before.pipeline.generating) {
    const left = now.generator && wanted === 'paused' ? '; one that an earlier life of it left is told to pause now' : '';
    const later = `pipeline ${pipeline.name} has no generator of its own yet; it will be ${wanted} from its start${left}`;
    return { ok: true, facts: { state, generator: now.generator }, words: later };
  }
  if (isOvertaken(now)) return otherwiseMeanwhile(now, wanted);
  if (!stands(now)) return stillGoes(now, deep);
  const sent = `${now.generator?.acknowledged ?? 0} events acknowledged`;
  const what = deep ? 'the schedules and the Studio application too' : 'the schedules too';
  const { perHour, words: cost } = outlook(now.pipeline);
  const running = now.pipeline.eventsHeld ? `to go on from ${sent}. ${cost}` : `running again from ${sent}`;
  const words = wanted === 'paused' ? `paused at ${sent}; ${what}. ${cost}` : running;
  return { ok: true, facts: { state, deep, generator: now.generator, perHour }, words };
}

/** The answer where the pipeline was told otherwise before it stood as it was told. */
function otherwiseMeanwhile({ pipeline: { state, desired, overBudget }, generator }: Snapshot, wanted: 'paused' | 'running'): VerbResult {
  const what = `${desired.paused ? 'paused' : 'resumed'}${desired.deep ? ' deeply' : ''}`;
  const words = `not ${wanted}: meanwhile it was ${what} by ${overBudget ?? 'somebody else'}. See: npx d2d status`;
  return { ok: false, facts: { state, desired, generator }, words };
}

const say = (line: string) => void process.stderr.write(`${line}\n`);

/** Why the Studio application runs on though a deep pause has reached it; undefined while nobody says so. */
export const whyItRuns = ({ pipeline, notebook, unstopped }: Snapshot): string | undefined =>
  pipeline.deep ? (unstopped ?? (notebook?.state === 'stopped' ? notebook.reason : undefined)) : undefined;

/** What keeps a pause from being done, in a line; undefined while nobody says so. */
export function inTheWay(now: Snapshot, deep: boolean): string | undefined {
  const failing = now.generator?.failing;
  if (failing !== undefined) return `The generator does not come to rest: ${failing}`;
  const refusal = deep ? whyItRuns(now) : undefined;
  return refusal && `The Studio application does not stop: ${refusal}`;
}

/** What is in the way may go by itself. */
const PATIENCE_MS = 60_000;

/** Looks until it `stands`, the pipeline has ended, or something has been in the way for `patience` milliseconds; gives what it saw last. `tell` hears what it is. */
export async function untilStands(
  first: Snapshot,
  look: () => Promise<Snapshot | undefined>,
  stands: (now: Snapshot) => boolean,
  obstacle: (now: Snapshot) => string | undefined,
  tell: (line: string) => void,
  patience = PATIENCE_MS,
): Promise<Snapshot | undefined> {
  const told = new Set<string>();
  let now: Snapshot | undefined = first;
  let since: number | undefined;
  while (now && !stands(now)) {
    const what = obstacle(now);
    since = what === undefined ? undefined : (since ?? Date.now());
    if (what !== undefined && !told.has(what)) tell(what);
    if (what !== undefined) told.add(what);
    if (since !== undefined && Date.now() - since >= patience) return now;
    await delay(100);
    now = await look();
  }
  return now;
}

/** The answer of a pause that is not done: the generator keeps failing, or the application runs on. */
export function stillGoes(now: Snapshot, deep: boolean): VerbResult {
  const { pipeline, generator } = now;
  const reason = generator?.failing;
  if (reason === undefined) return stillRuns(now, whyItRuns(now)!);
  const { perHour, words: cost } = outlook(pipeline);
  const words = `not paused yet, since the generator does not come to rest: ${reason}\n${cost} It is tried again and again, and pauses once that goes through; see: npx d2d status`;
  return { ok: false, facts: { state: pipeline.state, deep, generator, reason, perHour }, words };
}

/** The answer of a deep pause that did not stop the application. */
function stillRuns({ pipeline, generator }: Snapshot, reason: string): VerbResult {
  const { perHour, words: cost } = outlook({ ...pipeline, studioRuns: true });
  const words = `paused, but the Studio application still runs and is billed: ${reason}\n${cost} Stopping it is tried again and again; see: npx d2d status`;
  return { ok: false, facts: { state: pipeline.state, deep: true, generator, reason, perHour }, words };
}
