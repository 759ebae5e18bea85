import { z } from 'zod';
import { type Aws, awsError } from '../aws.ts';

/** Zeppelin's words for a paragraph's state. */
export type ParagraphStatus = 'READY' | 'PENDING' | 'RUNNING' | 'FINISHED' | 'ERROR' | 'ABORT';

/** What a paragraph shows below its text. */
export interface ParagraphResults {
  code: 'SUCCESS' | 'ERROR';
  msg: { type: 'TEXT' | 'TABLE' | 'HTML'; data: string }[];
}

/** A paragraph of a note: its text with the interpreter's header, and how its last run went. */
export interface Paragraph {
  id: string;
  title?: string;
  text: string;
  config: Record<string, unknown>;
  status: ParagraphStatus;
  created: Date;
  updated: Date;
  started?: Date;
  finished?: Date;
  results?: ParagraphResults;
  /** Ids of the Flink jobs of its last run. */
  jobs: string[];
}

/** A Zeppelin note of one application. */
export interface Note {
  application: string;
  id: string;
  name: string;
  path: string;
  created: Date;
  paragraphs: Paragraph[];
}

const TEXT_CONTENT_LIMIT = 102_400;

const noteJson = z.object({
  id: z
    .string()
    .regex(/^[A-Z0-9_-]{1,64}$/i)
    .optional(),
  name: z.string().min(1),
  path: z.string().optional(),
  paragraphs: z
    .array(
      z.object({
        id: z.string().min(1).optional(),
        title: z.string().nullish(),
        text: z.string().nullish(),
        config: z.record(z.string(), z.unknown()).default({}),
      }),
    )
    .default([]),
});

/** The catalog's notes, by `<application>/<note id>`. */
export const notes = (aws: Aws) => aws.journal.table<Note>('kinesisanalytics.notes');

/** The notes of one application, oldest first. */
export const notesOf = (aws: Aws, application: string): Readonly<Note>[] =>
  notes(aws)
    .values()
    .filter((note) => note.application === application);

/** The key of a note in `notes`. */
export const noteKey = ({ application, id }: Pick<Note, 'application' | 'id'>): string => `${application}/${id}`;

/** Reads the JSON of a Zeppelin note, as TextContent and Zeppelin's import carry it; throws InvalidArgumentException with every fault. */
export function parseNote(aws: Aws, application: string, json: string): Note {
  if (json.length > TEXT_CONTENT_LIMIT)
    throw awsError('InvalidArgumentException', `TextContent of ${json.length} characters exceeds the limit of ${TEXT_CONTENT_LIMIT}.`);
  const parsed = noteJson.safeParse(jsonOf(json));
  if (!parsed.success) throw awsError('InvalidArgumentException', `TextContent is not a Zeppelin note: ${z.prettifyError(parsed.error)}`);
  const { id = newNoteId(), name, path = `/${name}`, paragraphs } = parsed.data;
  const created = new Date(aws.now());
  const all = paragraphs.map(({ id: given, title, text, config }, index) => ({
    ...newParagraph(created, index, text ?? '', title ?? undefined, config),
    ...(given !== undefined && { id: given }),
  }));
  if (new Set(all.map((paragraph) => paragraph.id)).size < all.length)
    throw awsError('InvalidArgumentException', 'TextContent is not a Zeppelin note: two paragraphs have the same id');
  return { application, id, name, path, created, paragraphs: all };
}

/** A paragraph that has not run. */
export const newParagraph = (
  created: Date,
  index: number,
  text: string,
  title?: string,
  config: Record<string, unknown> = {},
): Paragraph => ({
  id: `paragraph_${created.getTime()}_${index + 1}`,
  ...(title !== undefined && { title }),
  text,
  config,
  status: 'READY',
  created,
  updated: created,
  jobs: [],
});

/** Gives a new application the note of its TextContent; no TextContent, no note. */
export function seedNote(aws: Aws, application: string, textContent: string): void {
  if (textContent === '') return;
  const note = parseNote(aws, application, textContent);
  notes(aws).set(noteKey(note), note);
}

/** Changes one paragraph and returns it, or nothing when note or paragraph are gone. */
export function patchParagraph(aws: Aws, key: string, id: string, patch: Partial<Paragraph>): Paragraph | undefined {
  const note = notes(aws).get(key);
  const before = note?.paragraphs.find((paragraph) => paragraph.id === id);
  if (!note || !before) return undefined;
  const after = { ...before, ...patch };
  notes(aws).set(key, { ...note, paragraphs: note.paragraphs.map((paragraph) => (paragraph === before ? after : paragraph)) });
  return after;
}

/** What Zeppelin does when it loads a note again: what was under way is ABORT, and nothing runs by itself. */
export function abortUnfinished(aws: Aws, application: string): void {
  for (const note of notesOf(aws, application))
    for (const { id, status } of note.paragraphs)
      if (status === 'RUNNING' || status === 'PENDING')
        patchParagraph(aws, noteKey(note), id, { status: 'ABORT', finished: new Date(aws.now()) });
}

/** Nine signs, as Zeppelin makes them. */
export const newNoteId = (): string =>
  `2${Array.from({ length: 8 }, () => Math.floor(Math.random() * 36).toString(36)).join('')}`.toUpperCase();

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return (error as Error).message;
  }
}
