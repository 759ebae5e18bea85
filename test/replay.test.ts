import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import * as workflows from '../workflows/index.ts';
import { historyOf } from './history.ts';
import { SCENES } from './scenes.ts';
import { bundleOf } from './workflow-bundle.ts';

const FOLDER = new URL('histories/', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
/** `<version>/<scene>.<number>.<workflow type>.json`: a set for each version that was released, and one for that which is to be. */
const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.json'))
  .sort();
const nameOf = (file: string) => file.split('/').at(-1)!;
const typeOf = (file: string) => nameOf(file).split('.')[2]!;
/** Those of this version. */
const current = files.filter((file) => file.startsWith(`${version}/`));

/** Replays saved histories with the workflows of one module; returns what went wrong, by file. */
async function replay(module: string, names: string[]): Promise<Record<string, string>> {
  const workflowBundle = await bundleOf(module);
  const histories = names.map((name) => ({ workflowId: name, history: historyOf(readFileSync(new URL(name, FOLDER), 'utf8')) }));
  const wrong: Record<string, string> = {};
  let replayed = 0;
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle }, histories)) {
    replayed++;
    if (error) wrong[workflowId] = `${error.name}: ${error.message}`;
  }
  expect(replayed).toBe(names.length);
  return wrong;
}

beforeAll(() => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
});

describe('the saved histories (npm run histories makes those of this version anew)', () => {
  it('are of every workflow type and every scene, and belong to a version', () => {
    expect(new Set(current.map(typeOf))).toEqual(new Set(Object.keys(workflows)));
    for (const [scene, { keeps }] of Object.entries(SCENES)) {
      const types = new Set(current.filter((file) => nameOf(file).startsWith(`${scene}.`)).map(typeOf));
      expect([scene, types]).toEqual([scene, new Set(keeps)]);
    }
    expect(files.filter((file) => !/^\d+\.\d+\.\d+\/[^/]+$/.test(file))).toEqual([]);
  });

  it('tell nothing of the machine on which they were made', () => {
    for (const file of files) {
      const text = readFileSync(new URL(file, FOLDER), 'utf8');
      expect([file, text.match(/"stackTrace"|"identity":"(?!recorder")[^"]+"|\/(?:home|root|work|Users)\//)]).toEqual([file, null]);
    }
  });

  it('all replay with the workflows as they are now, those of earlier versions, too', async () => {
    expect(await replay('workflows/index.ts', files)).toEqual({});
  });
});

/** Of a moment that cannot be met at will: between the word to pause and its being heeded. */
const UNMET = ['paused-meanwhile'];

it('the histories of this version have been through every patch of the workflows', () => {
  const folder = new URL('../workflows/', import.meta.url);
  const sources = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), 'utf8'));
  const patches = new Set(sources.flatMap((text) => [...text.matchAll(/\bpatched\('([^']+)'\)/g)].map(([, id]) => id!)));
  const met = new Set(current.flatMap((file) => patchesIn(readFileSync(new URL(file, FOLDER), 'utf8'))));
  expect([...patches].filter((id) => !met.has(id))).toEqual(UNMET);
});

/** The patches that a saved run has met. */
function patchesIn(history: string): string[] {
  const { events } = JSON.parse(history) as {
    events: { markerRecordedEventAttributes?: { markerName: string; details: Record<string, { payloads: { data: string }[] }> } }[];
  };
  const marks = events.flatMap(({ markerRecordedEventAttributes: mark }) => (mark?.markerName === 'core_patch' ? [mark] : []));
  return marks.map(({ details }) => {
    const { id } = JSON.parse(Buffer.from(details['patch-data']!.payloads[0]!.data, 'base64').toString()) as { id: string };
    return id;
  });
}

describe('a changed workflow', () => {
  const crawls = current.filter((file) => typeOf(file) === 'crawl');

  it('is caught', async () => {
    const wrong = await replay('test/changed/unguarded.ts', crawls);
    expect(Object.keys(wrong)).toEqual(crawls);
    for (const message of Object.values(wrong)) expect(message).toMatch(/^DeterminismViolationError: .*Timer/);
  });

  it('goes through when the change is behind `patched`', async () => {
    expect(await replay('test/changed/guarded.ts', crawls)).toEqual({});
  });
});
