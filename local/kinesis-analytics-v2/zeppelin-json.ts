import { readSource } from './interpreter.ts';
import { type Note, noteKey, type Paragraph } from './note.ts';
import type { Studio } from './studio.ts';

/** A paragraph's state, in the words of Zeppelin's job status. */
export const paragraphStatus = ({ id, status, started, finished, results }: Readonly<Paragraph>) => ({
  id,
  status,
  started: started?.toISOString(),
  finished: finished?.toISOString(),
  progress: status === 'FINISHED' ? '100' : '0',
  ...(status === 'ERROR' && { errorMessage: results?.msg.at(-1)?.data }),
});

/** The state of a note and of each of its paragraphs; `isRunning` while it is run from top to bottom. */
export const noteStatus = (note: Readonly<Note>, studio: Studio) => ({
  id: note.id,
  isRunning: studio.playing.has(noteKey(note)),
  paragraphs: note.paragraphs.map(paragraphStatus),
});

/** A paragraph with its text, results so far, and links to the Flink jobs it started. */
export function paragraphBody(paragraph: Readonly<Paragraph>, note: Readonly<Note>, studio: Studio) {
  const { id, title, text, config, status, created, updated, started, finished, jobs } = paragraph;
  const results = paragraph.results ?? studio.runs.get(`${noteKey(note)}/${id}`)?.results;
  const restUrl = studio.cluster?.flink.restUrl ?? '';
  return {
    id,
    ...(title !== undefined && { title }),
    text,
    config: { ...config, editorSetting: { language: readSource(text).interpreter === 'md' ? 'markdown' : 'sql' } },
    settings: { params: {}, forms: {} },
    status,
    progress: status === 'FINISHED' ? 100 : 0,
    dateCreated: created.toISOString(),
    dateUpdated: updated.toISOString(),
    dateStarted: started?.toISOString(),
    dateFinished: finished?.toISOString(),
    ...(results && { results }),
    runtimeInfos: jobs.length === 0 ? {} : jobUrls(jobs.map((job) => `${restUrl}/#/job/running/${job}/overview`)),
  };
}

/** A note as Zeppelin's `GET /api/notebook/{note}` gives it. */
export const noteBody = (note: Readonly<Note>, studio: Studio) => ({
  id: note.id,
  name: note.name,
  path: note.path,
  defaultInterpreterGroup: 'flink',
  version: '0.9.0-rc1-msf1',
  info: { isRunning: studio.playing.has(noteKey(note)) },
  config: {},
  paragraphs: note.paragraphs.map((paragraph) => paragraphBody(paragraph, note, studio)),
});

const jobUrls = (urls: string[]) => ({
  jobUrl: {
    propertyName: 'jobUrl',
    label: 'FLINK JOB',
    tooltip: 'View in Flink web UI',
    group: 'flink',
    values: urls.map((jobUrl) => ({ jobUrl })),
    interpreterSettingId: 'flink',
  },
});
