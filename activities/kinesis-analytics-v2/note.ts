import { isDeepStrictEqual } from 'node:util';
import type { ApplicationDetail } from '@aws-sdk/client-kinesis-analytics-v2';
import { names } from '../../pipeline/names.ts';
import { parallelismFor } from '../../pipeline/parallelism.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { shardIds } from '../kinesis/shards.ts';
import { shardsRead, statements } from '../sql.ts';

const LIMIT = 102_400;
/**
 * How much earlier than the first window the stream is read: clocks differ, sliding windows begin up to a minute before, and the first of two copies must be seen, or
 * the second would count as late.
 */
export const EARLY_MS = 300_000;

/** How the SQL reads the events. */
export interface Reading {
  /** The ids of the shards that it reads, each in a subtask of its own. */
  shards: readonly string[];
  /** Milliseconds since the epoch: what happened from then on counts, and nothing before. Left out: all that the stream still has. */
  from?: number;
}

/**
 * The Zeppelin note of a pipeline as JSON text: one paragraph for each file of `sql/flink/`. Zeppelin runs them in order and waits for each; the
 * last holds every INSERT and runs them as one job that never ends, so parallel that no two shards share a subtask: one's watermark would drop the other's events.
 */
export function buildNote(pipeline: Pipeline, { shards, from }: Reading = { shards: shardIds(pipeline.shards) }): string {
  const { noteId, application, streams } = names(pipeline);
  const parallelism = parallelismFor(streams.events, shards);
  const files = statements(pipeline, 'flink', { ...shardsRead(shards), ...(from !== undefined && startingAt(from)) });
  const header = (last: boolean) => `%flink.ssql(type=update${last ? `, parallelism=${parallelism}, runAsOne=true` : ''})`;
  const note = JSON.stringify({
    paragraphs: files.map(({ name, text }, i) => ({
      title: name.replaceAll('-', ' '),
      text: `${header(i === files.length - 1)}\n${text}`,
      config: { title: true },
    })),
    name: application,
    id: noteId,
    defaultInterpreterGroup: 'flink',
    version: '0.9.0-rc1-msf1',
    path: `/${application}`,
  });
  if (note.length > LIMIT) throw new Error(`the note of ${application} has ${note.length} characters; Studio takes ${LIMIT}`);
  return note;
}

/** Where the source begins to read, by arrival; and from which event time on events count, so that the first window is whole. */
function startingAt(from: number) {
  const arrival = new Date(from - EARLY_MS).toISOString();
  const time = `TIMESTAMP '${new Date(from).toISOString().replace('T', ' ').replace('Z', '')}'`;
  return {
    startPosition: `'scan.stream.initpos' = 'AT_TIMESTAMP',\n  'scan.stream.initpos-timestamp' = '${arrival}'`,
    since: ` AND event_time >= ${time}`,
    sinceArrival: ` AND (happened_at >= ${time} OR arrived_at >= ${time})`,
  };
}

/** The note that is in an application. */
export const textOf = (found: ApplicationDetail | undefined): string | undefined =>
  found?.ApplicationConfigurationDescription?.ApplicationCodeConfigurationDescription?.CodeContentDescription?.TextContent;

/** What counts in a note when two are compared: its id and the paragraphs' texts. Studio may write the rest anew. Undefined for what is no note. */
export function noteContent(text: string | undefined): { id?: string; paragraphs: string[] } | undefined {
  try {
    const { id, paragraphs } = JSON.parse(text ?? '') as { id?: string; paragraphs: { text?: string }[] };
    return { id, paragraphs: paragraphs.map((paragraph) => paragraph.text?.trim() ?? '') };
  } catch {
    return undefined;
  }
}

/**
 * Which paragraphs of the note in Zeppelin, counted from 1, are not as the application's text has them: an empty one more, too, as its job would seem not to run.
 * None of one that cannot be read.
 */
export function editedIn(live: string | undefined, text: string | undefined): number[] {
  if (live === undefined) return [];
  const [now, then] = [live, text].map((note) => noteContent(note)?.paragraphs ?? []) as [string[], string[]];
  const longer = now.length > then.length ? now : then;
  return longer.flatMap((_, i) => (now[i] === then[i] ? [] : [i + 1]));
}

/** How a note reads the events, if it is the pipeline's note and reads at least `shards`; undefined for any other text. */
export function readingOf(text: string | undefined, pipeline: Pipeline, shards: readonly string[]): Reading | undefined {
  const reading = writtenIn(text);
  if (reading === undefined || !shards.every((shard) => reading.shards.includes(shard))) return undefined;
  return isDeepStrictEqual(noteContent(text), noteContent(buildNote(pipeline, reading))) ? reading : undefined;
}

/** How long the windows of a note are, in seconds, if it is the pipeline's note but for that; undefined for any other text. */
export function windowSecondsIn(text: string | undefined, pipeline: Pipeline): number | undefined {
  const sql = noteContent(text)?.paragraphs.join('\n') ?? '';
  const windowSeconds = Number(/TUMBLE\([^']*INTERVAL '(\d+)'/.exec(sql)?.[1]);
  return readingOf(text, { ...pipeline, windowSeconds }, []) && windowSeconds;
}

/** A note that begins to read this much earlier than it might is left: the application is not made anew for it. */
const NEAR_MS = 120_000;

/** True when a note made for `written` leaves out nothing, and reads little more than it must. */
export function isNear({ from: written }: Reading, { from }: Reading): boolean {
  if (written === undefined || from === undefined) return written === from;
  return written <= from && from - written <= NEAR_MS;
}

/** What a note says of how it reads; undefined for what no pipeline wrote. */
export function writtenIn(text: string | undefined): Reading | undefined {
  const sql = noteContent(text)?.paragraphs.join('\n') ?? '';
  const shards = /^-- Shards: (.*)$/m.exec(sql)?.[1]?.trim().split(' ') ?? [];
  const arrival = /initpos-timestamp' = '([^']+)'/.exec(sql)?.[1];
  const isSound = shards.length > 0 && shards.every((shard, i) => /^shardId-\d{12}$/.test(shard) && shards.indexOf(shard) === i);
  return isSound ? { shards, ...(arrival !== undefined && { from: Date.parse(arrival) + EARLY_MS }) } : undefined;
}
