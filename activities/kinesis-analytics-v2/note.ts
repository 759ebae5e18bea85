import { isDeepStrictEqual } from 'node:util';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { statements } from '../sql.ts';

const LIMIT = 102_400;
/** An event arrives after it happened, but for clocks that differ and the sender's own grain. */
const EARLY_MS = 60_000;

/**
 * The Zeppelin note of a pipeline as JSON text: one paragraph for each file of `sql/flink/`. Zeppelin runs them in order and waits for each; the
 * last holds every INSERT and runs them as one job that never ends, at one slot a shard: with fewer, a shard's watermark drops another's events.
 * `from` (milliseconds since the epoch, a window's start): the windows from then on come out anew, and none before; left out: all that the stream still has.
 */
export function buildNote(pipeline: Pipeline, from?: number): string {
  const { noteId, application } = names(pipeline);
  const files = statements(pipeline, 'flink', from === undefined ? {} : startingAt(from));
  const header = (last: boolean) => `%flink.ssql(type=update${last ? `, parallelism=${pipeline.shards}, runAsOne=true` : ''})`;
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
  return {
    startPosition: `'scan.stream.initpos' = 'AT_TIMESTAMP',\n  'scan.stream.initpos-timestamp' = '${arrival}'`,
    since: ` AND event_time >= TIMESTAMP '${new Date(from).toISOString().replace('T', ' ').replace('Z', '')}'`,
  };
}

/** The `from` that a note was built with. */
function fromOf(text = ''): number | undefined {
  const arrival = /initpos-timestamp' = '([^']+)'/.exec(text)?.[1];
  return arrival === undefined ? undefined : Date.parse(arrival) + EARLY_MS;
}

/** What counts in a note when two are compared: its id and the paragraphs' texts. Studio may write the rest anew. Undefined for what is no note. */
export function noteContent(text: string | undefined): { id?: string; paragraphs: string[] } | undefined {
  try {
    const { id, paragraphs } = JSON.parse(text ?? '') as { id?: string; paragraphs: { text?: string }[] };
    return { id, paragraphs: paragraphs.map((paragraph) => paragraph.text?.trim() ?? '') };
  } catch {
    return undefined;
  }
}

/** True when a note says what the pipeline's note says; where it begins to read may differ, unless `from` (undefined: the oldest record) is asked for. */
export function sameNote(text: string | undefined, pipeline: Pipeline, { from = fromOf(text) }: { from?: number } = {}): boolean {
  return isDeepStrictEqual(noteContent(text), noteContent(buildNote(pipeline, from)));
}
