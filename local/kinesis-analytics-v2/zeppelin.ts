import { readFileSync } from 'node:fs';
import type { Aws } from '../aws.ts';
import { PAGE_HEADERS } from '../pages.ts';
import type { IncomingRequest } from '../signature.ts';
import type { Reply } from '../wire.ts';
import { type Note, newNoteId, newParagraph, noteKey, notes, notesOf, type Paragraph, parseNote, patchParagraph } from './note.ts';
import { URL_PREFIX } from './presigned-url.ts';
import { runNote, runParagraph, stopRuns } from './run.ts';
import { type Studio, studioOf } from './studio.ts';
import { noteBody, noteStatus, paragraphBody, paragraphStatus } from './zeppelin-json.ts';

/** A refusal in Zeppelin's form. */
class ZeppelinError extends Error {
  constructor(
    readonly status: number,
    readonly exception: string,
    message: string,
  ) {
    super(message);
  }
}

/** What a route works on: one application's notebook, and the ids in the address. */
interface Visit {
  aws: Aws;
  application: string;
  studio: Studio;
  ids: string[];
  request: IncomingRequest;
}

type Route = (visit: Visit) => unknown;

/** Zeppelin's REST verbs, by method and path; `*` is an id. What a route returns is the answer's body. */
const ROUTES: Record<string, Route> = {
  'GET /api/notebook': ({ aws, application }) => notesOf(aws, application).map(({ id, path }) => ({ id, path })),
  'POST /api/notebook': createNote,
  'POST /api/notebook/import': ({ aws, application, request }) => addNote(aws, parseNote(aws, application, request.body.toString('utf8'))),
  'GET /api/notebook/*': (visit) => noteBody(noteOf(visit), visit.studio),
  'DELETE /api/notebook/*': deleteNote,
  'POST /api/notebook/*/paragraph': addParagraph,
  'GET /api/notebook/*/paragraph/*': (visit) => paragraphBody(paragraphOf(visit), noteOf(visit), visit.studio),
  'PUT /api/notebook/*/paragraph/*': editParagraph,
  'DELETE /api/notebook/*/paragraph/*': deleteParagraph,
  'POST /api/notebook/job/*': playNote,
  'GET /api/notebook/job/*': (visit) => noteStatus(noteOf(visit), visit.studio),
  'DELETE /api/notebook/job/*': (visit) => stopRuns(visit.studio, noteKey(noteOf(visit))),
  'POST /api/notebook/job/*/*': (visit) =>
    start(visit, runParagraph(visit.aws, visit.studio, noteKey(noteOf(visit)), paragraphOf(visit).id)),
  'GET /api/notebook/job/*/*': (visit) => paragraphStatus(paragraphOf(visit)),
  'DELETE /api/notebook/job/*/*': (visit) => stopRuns(visit.studio, noteKey(noteOf(visit)), paragraphOf(visit).id),
  'POST /api/notebook/run/*/*': async (visit) => {
    await runParagraph(visit.aws, visit.studio, noteKey(noteOf(visit)), paragraphOf(visit).id);
    return paragraphBody(paragraphOf(visit), noteOf(visit), visit.studio).results;
  },
};

const PATTERNS = Object.entries(ROUTES)
  .map(([key, route]) => ({
    route,
    pattern: new RegExp(`^${key.replaceAll('*', '([\\w.-]+)')}/?$`),
    fixed: key.replaceAll('*', '').length,
  }))
  .sort((a, b) => b.fixed - a.fixed);

const PAGE: Record<string, { type: string; body: string }> = Object.fromEntries(
  [
    ['/', 'notebook.html', 'text/html; charset=utf-8'],
    ['/notebook.js', 'notebook.js', 'text/javascript; charset=utf-8'],
    ['/notebook.css', 'notebook.css', 'text/css; charset=utf-8'],
  ].map(([path = '', file = '', type = '']) => [
    path,
    { type, body: readFileSync(new URL(`./notebook/${file}`, import.meta.url), 'utf8') },
  ]),
);

/** Serves every application's notebook behind its presigned URL: Zeppelin's REST, and a plain page on top of it. */
export function serveZeppelin(aws: Aws): void {
  const prefix = URL_PREFIX.ZEPPELIN_UI_URL;
  aws.pages.serve(prefix, 'VerifiedAuthToken', async (request, { subject }) => {
    const path = request.path.slice(prefix.length + 1) || '/';
    const page = request.method === 'GET' ? PAGE[path] : undefined;
    if (page) return { status: 200, headers: { ...PAGE_HEADERS, 'content-type': page.type }, body: page.body };
    try {
      const body = await answer(aws, request, path, subject);
      await aws.journal.commit();
      return json(200, { status: 'OK', message: '', ...(body !== undefined && { body }) });
    } catch (error) {
      const { status = 500, exception = (error as Error).name, message } = error as ZeppelinError;
      return json(status, { exception, message });
    }
  });
}

function answer(aws: Aws, request: IncomingRequest, path: string, application: string): unknown {
  const studio = studioOf(aws, application);
  if (!studio?.cluster) throw new ZeppelinError(403, 'ForbiddenException', `Application ${application} is not RUNNING.`);
  for (const { pattern, route } of PATTERNS) {
    const match = pattern.exec(`${request.method} ${path}`);
    if (match) return route({ aws, application, studio, ids: match.slice(1), request });
  }
  throw new ZeppelinError(404, 'NotFoundException', `HTTP 404 Not Found: ${request.method} ${path}`);
}

function noteOf({ aws, application, ids: [id = ''] }: Visit): Readonly<Note> {
  const note = notes(aws).get(noteKey({ application, id }));
  if (!note) throw new ZeppelinError(404, 'NoteNotFoundException', `note not found: ${id}`);
  return note;
}

function paragraphOf(visit: Visit): Readonly<Paragraph> {
  const id = visit.ids[1] ?? '';
  const paragraph = noteOf(visit).paragraphs.find((candidate) => candidate.id === id);
  if (!paragraph) throw new ZeppelinError(404, 'ParagraphNotFoundException', `paragraph not found: ${id}`);
  return paragraph;
}

async function playNote(visit: Visit): Promise<undefined> {
  const { aws, studio, request } = visit;
  const { id, application } = noteOf(visit);
  const key = noteKey({ application, id });
  if (studio.playing.has(key))
    throw new ZeppelinError(500, 'IOException', `Unable to run note:${id} because it is still in RUNNING state.`);
  const played = runNote(aws, studio, key);
  if (request.query.blocking === 'true') await played;
  else start(visit, played);
}

/** Lets a run go on after the answer. How it ends stands in its paragraphs; only a fault of ours is left to report. */
function start({ aws, application }: Visit, run: Promise<unknown>): undefined {
  void run.catch((error: Error) => aws.log('flink', `${application}: ${error.stack}`));
}

function createNote({ aws, application, request }: Visit): string {
  const { name = 'Untitled Note', paragraphs = [] } = jsonBody(request) as Partial<Note>;
  return addNote(aws, parseNote(aws, application, JSON.stringify({ name, paragraphs })));
}

function addNote(aws: Aws, note: Note): string {
  const id = notes(aws).has(noteKey(note)) ? newNoteId() : note.id;
  notes(aws).set(noteKey({ ...note, id }), { ...note, id });
  return id;
}

async function deleteNote(visit: Visit): Promise<undefined> {
  const key = noteKey(noteOf(visit));
  await stopRuns(visit.studio, key);
  notes(visit.aws).delete(key);
}

function addParagraph(visit: Visit): string {
  const { title, text = '' } = jsonBody(visit.request) as Partial<Paragraph>;
  const note = noteOf(visit);
  const paragraph = newParagraph(new Date(visit.aws.now()), note.paragraphs.length, text, title);
  notes(visit.aws).set(noteKey(note), { ...note, paragraphs: [...note.paragraphs, paragraph] });
  return paragraph.id;
}

function editParagraph(visit: Visit): undefined {
  const { title, text } = jsonBody(visit.request) as Partial<Paragraph>;
  const patch = { ...(title !== undefined && { title }), ...(text !== undefined && { text }), updated: new Date(visit.aws.now()) };
  patchParagraph(visit.aws, noteKey(noteOf(visit)), paragraphOf(visit).id, patch);
}

async function deleteParagraph(visit: Visit): Promise<undefined> {
  const { id } = paragraphOf(visit);
  await stopRuns(visit.studio, noteKey(noteOf(visit)), id);
  const note = noteOf(visit);
  notes(visit.aws).set(noteKey(note), { ...note, paragraphs: note.paragraphs.filter((paragraph) => paragraph.id !== id) });
}

function jsonBody({ body }: IncomingRequest): Record<string, unknown> {
  const value: unknown = JSON.parse(body.toString('utf8') || '{}');
  if (typeof value !== 'object' || value === null) throw new ZeppelinError(400, 'BadRequestException', 'The body must be a JSON object.');
  for (const key of ['name', 'title', 'text'])
    if (!['string', 'undefined'].includes(typeof (value as Record<string, unknown>)[key]))
      throw new ZeppelinError(400, 'BadRequestException', `'${key}' must be a string.`);
  return value as Record<string, unknown>;
}

const json = (status: number, value: unknown): Reply => ({
  status,
  headers: { ...PAGE_HEADERS, 'content-type': 'application/json' },
  body: JSON.stringify(value),
});
