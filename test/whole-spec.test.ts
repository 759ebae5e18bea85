import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Clients, clients } from '../activities/aws.ts';
import { youngRole } from '../activities/iam/young-role.ts';
import { resources } from '../activities/registry.ts';
import { type Resource, steps, survey } from '../activities/resource.ts';
import type { Local } from '../local/start.ts';
import { OWNER_TAG } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { STAGES, type Stage } from '../pipeline/stages.ts';
import { eventually } from './eventually.ts';
import { crawlOneKill } from './lake.ts';
import { localAws } from './local-aws.ts';

const stages = Object.keys(STAGES) as Stage[];
/** No field has its default value. */
const pipeline: Pipeline = {
  ...parseSpec({
    name: 'whole',
    shards: 3,
    generator: { rate: 50, total: 1000, seed: 7, players: 50 },
    windowSeconds: 20,
    delivery: { seconds: 60, megabytes: 64 },
    schedules: {
      ...{ crawl: '1 hour', queries: '2 hours', refresh: '3 hours', drift: '1 minute', overlap: 'buffer one', catchup: '2 minutes' },
      each: { crawl: { every: '30 minutes' }, kills_total: { every: '10 minutes', overlap: 'allow all', catchup: '1 hour' } },
    },
    drift: 'report',
    maxHourlyCost: 5,
    maxDailyCost: 100,
    tags: { team: 'live ops', 'cost center': '4711' },
    keep: { streamHours: 48, lakeDays: 30, resultDays: 1, logDays: 30 },
    quicksightPrincipal: 'arn:aws:quicksight:us-east-1:000000000000:user/default/local',
    local: { crawl: '2 minutes', profile: 'aws', speed: 1000 },
  }),
  account: '000000000000',
};

let local: Local;
let aws: Clients;
let registry: Record<Stage, Resource>;

beforeAll(async () => {
  local = await localAws({ settle: 20 });
  aws = clients(local);
  registry = resources(aws) as unknown as Record<Stage, Resource>;
});
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

describe.each(stages)('%s', (stage) => {
  const resource = () => registry[stage];
  const act = () => steps(resource(), youngRole(aws));
  const up = async (spec = pipeline, adopt = false) => {
    const { outcome } = await eventually(() => act().ensure(spec, { adopt }));
    await eventually(() => act().ready(spec));
    return outcome;
  };
  const tags = async () => (await resource().find(pipeline))?.tags;

  beforeAll(async () => {
    if (stage === 'views') await crawlOneKill(aws, pipeline);
  });

  it('is as the whole spec wants it after the first ensure and ready', async () => {
    expect(await up()).toBe('created');
    expect(await survey(resource(), pipeline)).toMatchObject({ action: 'none', differences: [], removes: [] });
    expect(await act().ensure(pipeline)).toMatchObject({ outcome: 'unchanged', mutatingCalls: 0 });
    expect(await act().ready(pipeline)).toMatchObject({ mutatingCalls: 0 });
  });

  it('loses the tags that the spec no longer has, and keeps those of others', async () => {
    const before = await tags();
    if (before === undefined) return expect(['questions', 'auditTable', 'views']).toContain(stage);
    await resource().tag!(pipeline, (await resource().find(pipeline))!, { theirs: 'stays' });
    for (const wanted of [{ 'cost center': '4711' }, {}]) {
      const spec: Pipeline = { ...pipeline, tags: wanted as Record<string, string> };
      const [dropped] = Object.keys(before).filter((key) => ['team', 'cost center'].includes(key) && !(key in wanted));
      const seen = await survey(resource(), spec);
      expect(seen).toMatchObject({ action: 'change', removes: expect.arrayContaining([expect.stringMatching(/^Tags\..* of /)]) });
      expect(await up(spec)).toBe('changed');
      expect(await tags()).toMatchObject({ theirs: 'stays', ...wanted });
      expect(Object.keys((await tags())!)).not.toContain(dropped);
      expect(await survey(resource(), spec)).toMatchObject({ action: 'none' });
    }
    expect(Object.keys((await tags())!).filter((key) => key.startsWith('data2dashboard:tags'))).toEqual([]);
    expect(await up()).toBe('changed');
  });

  it('is given back with the tags it had, when taking it over is taken back', async () => {
    const ours = await tags();
    if (ours === undefined) return;
    await resource().untag!(pipeline, (await resource().find(pipeline))!, Object.keys(ours));
    await resource().tag!(pipeline, (await resource().find(pipeline))!, { team: 'another', theirs: 'stays' });
    const { action, differences } = await survey(resource(), pipeline, { adopt: true });
    expect(action).toBe('adopt');
    expect(await up(pipeline, true)).toBe('adopted');
    expect(await tags()).toMatchObject({ [OWNER_TAG]: 'whole', team: 'live ops', 'cost center': '4711' });
    const { mutatingCalls, stays } = await act().release(pipeline, JSON.parse(JSON.stringify(differences)));
    expect(mutatingCalls).toBeGreaterThan(0);
    // Without its tags an analysis is not known to be as we made it, and is made so again.
    expect(stays).toHaveLength(differences.filter(({ field }) => !field.startsWith('Tags.')).length);
    expect(await tags()).toEqual({ team: 'another', theirs: 'stays' });
    expect(await survey(resource(), pipeline)).toMatchObject({ action: 'foreign' });
    expect(await act().release(pipeline, differences)).toMatchObject({ mutatingCalls: 0 });
    await act().remove(pipeline);
    expect(await tags()).toBeDefined();
    expect(await up(pipeline, true)).toBe('adopted');
  });
});
