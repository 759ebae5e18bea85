import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Clients, clients } from '../activities/aws.ts';
import { countCalls } from '../activities/calls.ts';
import { youngRole } from '../activities/iam/young-role.ts';
import { tagDifferences } from '../activities/own-tags.ts';
import { resources } from '../activities/registry.ts';
import { type Found, type Resource, steps, survey } from '../activities/resource.ts';
import type { Local } from '../local/start.ts';
import { OWNER_TAG } from '../pipeline/names.ts';
import { STAGES, type Stage } from '../pipeline/stages.ts';
import { KEYS_TAG } from '../pipeline/tags.ts';
import * as catalog from './drift/catalog.ts';
import * as firehose from './drift/firehose.ts';
import { ground, makeOther, type Pretence, pipeline, type Row } from './drift/ground.ts';
import * as quicksight from './drift/quicksight.ts';
import * as roles from './drift/roles.ts';
import * as storage from './drift/storage.ts';
import * as studio from './drift/studio.ts';
import { eventually } from './eventually.ts';
import { crawlOneKill } from './lake.ts';
import { localAws } from './local-aws.ts';
import { faultsOfAll, MENDING } from './service-model.ts';

const stages = Object.keys(STAGES) as Stage[];
const ROWS: Row[] = [storage, roles, firehose, studio, catalog, quicksight].flatMap(({ rows }) => rows);
const PRETENCES: Pretence[] = [storage, firehose, studio, catalog, quicksight].flatMap(({ pretences }) => pretences);
/** Owned through a parent, and without tags of their own. */
const UNTAGGED: Stage[] = ['questions', 'auditTable', 'views'];

type Registry = Record<Stage, Resource>;
const registryOf = (aws: Clients) => resources(aws) as unknown as Registry;

let local: Local;
let registry: Registry;

beforeAll(async () => {
  local = await localAws({ wholeCalls: true });
  ground.aws = clients(local);
  registry = registryOf(ground.aws);
  await makeOther(ground.aws);
  for (const stage of stages) {
    if (stage === 'views') await crawlOneKill(ground.aws, pipeline);
    await heal(stage);
  }
});
afterAll(async () => {
  for (const client of Object.values(ground.aws)) client.destroy();
  await local.close();
});

const act = (stage: Stage, of = registry) => steps(of[stage], youngRole(ground.aws));
async function heal(stage: Stage, replace = false): Promise<void> {
  await eventually(() => act(stage).ensure(pipeline, { replace }));
  await eventually(() => act(stage).ready(pipeline));
}
async function isWell(stage: Stage): Promise<void> {
  const { value, mutatingCalls } = await countCalls(() => survey(registry[stage], pipeline));
  expect({ ...value, mutatingCalls }).toMatchObject({ action: 'none', differences: [], mutatingCalls: 0 });
}
/** Fields as rows name them: a query's id is its own. */
const fieldsOf = (differences: { field: string }[]) => differences.map(({ field }) => field.replace(/ \([\w-]{36}\)$/, '')).sort();

describe('what somebody changed behind our back is seen in exactly its field, and healed', () => {
  it.each(ROWS.map((row) => [row.stage, row.fields, row] as const))('%s: %j', async (stage, fields, { change, replace }) => {
    await change();
    await eventually(async () => {
      const seen = await survey(registry[stage], pipeline);
      expect({ action: seen.action, fields: fieldsOf(seen.differences) }).toEqual({
        action: replace ? 'replace' : 'change',
        fields: [...fields].sort(),
      });
    });
    await heal(stage, replace);
    // Other shards are read by another note.
    if (stage === 'events') await heal('studio');
    await isWell(stage);
  });

  it.each(PRETENCES.map((pretence) => [pretence.stage, pretence.fields, pretence] as const))(
    '%s: %j, were AWS to report it',
    async (stage, fields, { command, alter, mends }) => {
      const pretending = registryOf(answering(ground.aws, command, alter));
      const seen = await survey(pretending[stage], pipeline);
      expect({ action: seen.action, fields: fieldsOf(seen.differences) }).toEqual({ action: mends ? 'change' : 'replace', fields });
      const before = local.calls.all().length;
      const ensured = act(stage, pretending).ensure(pipeline);
      if (mends === undefined) await expect(ensured).rejects.toMatchObject({ type: 'ReplacementNeeded' });
      else {
        await ensured;
        const calls = local.calls.all().slice(before);
        expect(calls.map(({ operation }) => operation)).toContain(mends);
        await eventually(() => act(stage).ready(pipeline));
      }
      await isWell(stage);
    },
  );

  it.each(stages.filter((stage) => !UNTAGGED.includes(stage)))('%s: its tags', async (stage) => {
    const found = (await registry[stage].find(pipeline))!;
    await registry[stage].untag!(pipeline, found, ['team', KEYS_TAG]);
    const seen = await survey(registry[stage], pipeline);
    expect({ action: seen.action, fields: fieldsOf(seen.differences) }).toEqual({
      action: 'change',
      fields: [`Tags.${KEYS_TAG}`, 'Tags.team'],
    });
    await heal(stage);
    await isWell(stage);
  });

  it.each([...stages].reverse())('%s: all of it', async (stage) => {
    await eventually(() => act(stage).remove(pipeline));
    await eventually(() => act(stage).gone(pipeline));
    expect(await survey(registry[stage], pipeline)).toMatchObject({ action: 'create' });
    await heal(stage);
    // What goes with it.
    if (stage === 'workgroup') await heal('questions');
    if (stage === 'lakeDatabase') {
      await crawlOneKill(ground.aws, pipeline);
      await heal('views');
    }
    await isWell(stage);
  });
});

describe('every field has its row', () => {
  it.each(stages)('of %s', async (stage) => {
    const silent = registryOf(silence());
    const others = await silent[stage].differences(pipeline, EVERYTHING_ELSE as Found);
    const all = new Set([...others, ...tagDifferences(EVERYTHING_ELSE, pipeline)].map(({ field }) => rootOf(field)));
    const changed = [...ROWS, ...PRETENCES].filter((row) => row.stage === stage).flatMap(({ fields }) => fields);
    // Without the owner's tag it is no drift but somebody else's thing; the other tags have their row above.
    const rooted = new Set([...changed.map(rootOf), `Tags.${OWNER_TAG}`, `Tags.${KEYS_TAG}`, 'Tags.team']);
    if (!['flinkDatabase', 'lakeDatabase'].includes(stage)) expect(others.length).toBeGreaterThan(0);
    expect([...all].filter((field) => !rooted.has(field))).toEqual([]);
  });
});

it('every request on the way was one that the model of its service takes', () => {
  const calls = local.calls.all();
  expect(faultsOfAll(calls)).toEqual([]);
  const judged = new Set(calls.map(({ operation }) => operation));
  expect(MENDING.filter((operation) => !judged.has(operation))).toEqual([]);
});

/** A thing that has nothing of ours, and something of everybody else's. */
const EVERYTHING_ELSE = {
  tags: {},
  streams: [],
  inline: { more: '{}' },
  attached: ['arn:aws:iam::aws:policy/AdministratorAccess'],
  Schedule: { ScheduleExpression: 'cron(0 0 * * ? *)' },
  queries: [{ Name: 'surplus', NamedQueryId: '00000000-0000-0000-0000-000000000000', QueryString: 'SELECT 2' }],
  views: [],
  published: 7,
};

/** The field as a whole: in a list, of a definition, or of any principal, and however it is mended. */
const rootOf = (field: string): string =>
  field
    .replace(/\[.*/, '')
    .replace(/^Permissions .*/, 'Permissions')
    .replace(/ \(made anew\)$/, '')
    .replace(/ \([\w-]{36}\)$/, '');

/** Clients to whom AWS says nothing but that somebody else may see everything. */
const silence = () => answering(ground.aws, '', () => ({ Permissions: [{ Principal: 'arn:of:somebody', Actions: ['quicksight:All'] }] }));

/** Clients with the answer to one command altered; to all of them, unasked, without a command. */
function answering(aws: Clients, command: string, alter: (answer: object) => object): Clients {
  const clientOf = (client: object) => {
    const { send } = client as { send(asked: object): Promise<object> };
    const ours = async (asked: object) => {
      if (command === '') return alter({});
      const answer = await send.call(client, asked);
      return asked.constructor.name === `${command}Command` ? alter(answer) : answer;
    };
    return new Proxy(client, { get: (target, key) => (key === 'send' ? ours : Reflect.get(target, key)) });
  };
  return Object.fromEntries(Object.entries(aws).map(([name, client]) => [name, clientOf(client)])) as unknown as Clients;
}
