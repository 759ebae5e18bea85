import { isDeepStrictEqual } from 'node:util';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { statements } from '../sql.ts';

const LIMIT = 102_400;

/**
 * The Zeppelin note of a pipeline as JSON text: one paragraph for each file of `sql/flink/`. Zeppelin runs them in order and waits for each; the
 * last holds every INSERT and runs them as one job that never ends, at one slot a shard: with fewer, a shard's watermark drops another's events.
 */
export function buildNote(pipeline: Pipeline): string {
  const { noteId, application } = names(pipeline);
  const files = statements(pipeline, 'flink');
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

/** What counts in a note when two are compared: its id and the paragraphs' texts. Studio may write the rest anew. Undefined for what is no note. */
export function noteContent(text: string | undefined): { id?: string; paragraphs: string[] } | undefined {
  try {
    const { id, paragraphs } = JSON.parse(text ?? '') as { id?: string; paragraphs: { text?: string }[] };
    return { id, paragraphs: paragraphs.map((paragraph) => paragraph.text?.trim() ?? '') };
  } catch {
    return undefined;
  }
}

/** True when a note says what the pipeline's note says. */
export const sameNote = (text: string | undefined, pipeline: Pipeline): boolean =>
  isDeepStrictEqual(noteContent(text), noteContent(buildNote(pipeline)));
