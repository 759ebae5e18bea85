import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Clients, clients } from '../activities/aws.ts';
import { preflight } from '../activities/preflight.ts';
import type { Survey } from '../activities/resource.ts';
import { billing } from '../client/billing.ts';
import { planWords } from '../client/plan.ts';
import { type Local, startLocal } from '../local/start.ts';
import { cost, dayOf, overBudget, PRICES, perHour, perMonth, type Running, total } from '../pipeline/cost.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { STAGES, type Stage } from '../pipeline/stages.ts';
import { refusal } from '../workflows/bring-up.ts';
import type { PlanReport } from '../workflows/messages.ts';
import { born } from '../workflows/picture.ts';

const ACCOUNT = '000000000000';
const principal = (kind: 'user' | 'group', name: string, region = 'us-east-1') =>
  `arn:aws:quicksight:${region}:${ACCOUNT}:${kind}/default/${name}`;
const pipelineOf = (spec: object = {}): Pipeline => ({
  ...parseSpec({ name: 'priced', target: 'aws', quicksightPrincipal: principal('group', 'studio'), ...spec }),
  account: ACCOUNT,
});
const ALL: Running = { generating: true, studio: true, schedules: true };
const NONE: Running = { generating: false, studio: false, schedules: false };

describe('cost', () => {
  const priceOf = (pipeline: Pipeline, running: Running) =>
    Object.fromEntries(cost(pipeline, running).map(({ what, perHour: dollars }) => [what, dollars]));

  it('is what the price table says, service by service', () => {
    const prices = priceOf(pipelineOf({ shards: 4, generator: { rate: 1000 }, schedules: { crawl: '1 hour' } }), ALL);
    expect(prices['Kinesis shards']).toBeCloseTo(6 * PRICES.shardHour, 9);
    expect(prices['Studio application']).toBeCloseTo((4 + 2) * PRICES.kpuHour, 9);
    expect(prices['Glue crawls']).toBeCloseTo(PRICES.dpuHour / 6, 9);
    expect(prices['Kinesis PUT units']).toBeGreaterThan(3.6e6 * PRICES.putUnits);
    expect(prices.Firehose).toBeGreaterThan(((3.6e6 * 5 * 1024) / 1024 ** 3) * PRICES.firehoseGb);
    expect(prices['Kinesis retention']).toBe(0);
    expect(priceOf(pipelineOf({ keep: { streamHours: 48 } }), ALL)['Kinesis retention']).toBeGreaterThan(0);
  });

  it('falls to what stands, when everything rests', () => {
    const still = priceOf(pipelineOf(), NONE);
    const paid = Object.entries(still).flatMap(([what, dollars]) => (dollars > 0 ? [what] : []));
    expect(paid).toEqual(['Kinesis shards']);
    expect(total(cost(pipelineOf(), ALL))).toBeGreaterThan(total(cost(pipelineOf(), NONE)) * 5);
  });

  it('is nothing on this machine, and says what AWS would ask', () => {
    const local = pipelineOf({ target: 'local' });
    expect(perHour(local, ALL)).toBe(0);
    const { words, onAws } = billing({ ...born(local), generating: true, readyAt: 1 });
    expect(onAws).toBeGreaterThan(0.3);
    expect(words).toMatch(/^Nothing is billed here; on AWS this would cost \$\d\.\d\d an hour, \$\d+ a month \(most of it Glue crawls /);
    const { words: billed } = billing({ ...born(pipelineOf()), generating: true, readyAt: 1, deep: true, paused: true });
    expect(billed).toBe('Billed now: $0.06 an hour, $44 a month (most of it Kinesis shards $0.060).');
  });

  it('is over the budget by the hour or by the day, in UTC', () => {
    const hourly = perHour(pipelineOf(), ALL);
    expect(overBudget(pipelineOf({ maxHourlyCost: hourly + 0.01 }), 1e6, ALL)).toBeUndefined();
    expect(overBudget(pipelineOf({ maxHourlyCost: hourly - 0.01 }), 0, ALL)).toContain('more than maxHourlyCost');
    expect(overBudget(pipelineOf({ maxDailyCost: 5 }), 5.01, ALL)).toContain('$5.01 today, more than maxDailyCost $5');
    expect(overBudget(pipelineOf({ maxDailyCost: 5 }), 4.99, ALL)).toBeUndefined();
    expect(dayOf(Date.UTC(2026, 10, 24, 23, 59, 59))).toBe('2026-11-24');
    expect(perMonth(1)).toBe(730);
  });
});

describe('a plan', () => {
  const stages = (changed: Partial<Record<Stage, Partial<Survey>>>) =>
    Object.fromEntries(
      Object.keys(STAGES).map((stage) => [
        stage,
        { label: `the ${stage}`, action: 'none', differences: [], ...changed[stage as Stage] } satisfies Partial<Survey>,
      ]),
    ) as unknown as PlanReport['stages'];
  const report = (changed: Parameters<typeof stages>[0], checks: PlanReport['checks'] = []): PlanReport => ({
    stages: stages(changed),
    removed: [],
    checks,
    calls: 1,
    mutatingCalls: 0,
  });
  const bufferings = { field: 'BufferingHints.SizeInMBs', is: 5, wanted: 8 };
  const source = { field: 'Source', is: 'a', wanted: 'b', replace: true as const };

  it('says nothing is to be done, in words', () => {
    expect(planWords(pipelineOf(), report({}))).toContain('Nothing to do: everything is as the spec wants it.');
    expect(refusal(report({}))).toBeUndefined();
  });

  it('shows what is made, changed, made anew, taken over and of somebody else, field by field', () => {
    const words = planWords(
      pipelineOf(),
      report({
        bucket: { action: 'create' },
        eventsDelivery: { action: 'change', differences: [bufferings] },
        playerDelivery: { action: 'replace', differences: [source] },
        crawler: { action: 'adopt' },
        workgroup: { action: 'foreign', arn: 'arn:aws:athena:us-east-1:1:workgroup/x' },
      }),
    );
    expect(words).toContain('+ the bucket  (bucket: create)');
    expect(words).toContain('~ the eventsDelivery  (eventsDelivery: change)\n      BufferingHints.SizeInMBs: 5 -> 8');
    expect(words).toContain('Source: a -> b  (cannot be changed: the thing is made anew)');
    expect(words).toContain('> the crawler  (crawler: take over)');
    expect(words).toContain(
      "! the workgroup  (workgroup: somebody else's, arn:aws:athena:us-east-1:1:workgroup/x; --adopt or another name)",
    );
    expect(words).toContain('1 to create, 1 to change, 1 to replace, 1 to adopt, 1 to decide on, ');
    expect(words).toMatch(/It will cost \$\d+\.\d\d an hour, \$\d+ a month at \d+ events\/s/);
  });

  it('has the policies in full when asked', () => {
    const words = planWords(pipelineOf(), report({}), { policies: true });
    for (const action of ['firehose.amazonaws.com', 's3:PutObject', 'kinesis:GetRecords', 'glue:GetTable', 'athena:StartQueryExecution'])
      expect(words).toContain(action);
  });

  it('may not be carried out over what is foreign, lost or refused, and says each in one line', () => {
    const checks: PlanReport['checks'] = [
      { name: 'budget', state: 'refused', message: 'it is over' },
      { name: 'Kinesis shards', state: 'warning', message: 'may be many' },
    ];
    const bad = report(
      { workgroup: { action: 'foreign', arn: 'arn:x' }, playerDelivery: { action: 'replace', differences: [source] } },
      checks,
    );
    expect(refusal(bad)?.split('\n')).toEqual([
      'budget: it is over',
      'the playerDelivery has to be made anew to change Source, and what it holds would be lost; to agree, give --replace',
      'the workgroup (arn:x) exists and was not made for this pipeline; take it over with --adopt, or choose another name for the pipeline',
    ]);
    expect(refusal({ ...bad, checks: [] }, { replace: true })).toMatch(/^the workgroup/);
  });
});

describe('the account is looked at before anything is made', () => {
  let dir: string;
  let local: Local;
  let aws: Clients;
  const check = async (spec: object = {}, account = ACCOUNT) => {
    const all = await preflight(aws)['account.check']({ ...pipelineOf(spec), account });
    return Object.fromEntries(all.map(({ name, state, message }) => [name, `${state}: ${message}`]));
  };
  const failing = (operation: string, name: string, message = 'told so') =>
    local.faults.put({ rules: [{ operation, fault: { kind: 'error', name, message } }] });

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'd2d-preflight-'));
    local = await startLocal({ dir, log: () => undefined });
    aws = clients(local);
  });
  afterAll(async () => {
    for (const client of Object.values(aws)) client.destroy();
    await local.close();
    await rm(dir, { recursive: true });
  });

  it('and takes the pipeline', async () => {
    const all = await check();
    expect(Object.values(all).every((line) => line.startsWith('ok: '))).toBe(true);
    expect(Object.keys(all)).toEqual(['credentials', 'Kinesis shards', 'budget', 'QuickSight', 'QuickSight principal']);
    expect(local.calls.all().filter(({ operation }) => !/^(Get|List|Describe)/.test(operation))).toEqual([]);
  });

  it("refuses other accounts' credentials, a budget that is too small, and a principal that is not there", async () => {
    expect((await check({}, '111111111111')).credentials).toMatch(
      /^refused: the worker's credentials are of account 000000000000, the pipeline is of 111111111111/,
    );
    const all = await check({ maxHourlyCost: 0.1, quicksightPrincipal: principal('user', 'nobody') });
    expect(all.budget).toMatch(/^refused: it costs/);
    expect(all['QuickSight principal']).toMatch(/^refused: there is no user 'nobody' in us-east-1/);
  });

  it('refuses an account without QuickSight, and never subscribes it', async () => {
    failing('DescribeAccountSubscription', 'ResourceNotFoundException');
    expect((await check()).QuickSight).toMatch(
      /^refused: the account has no subscription; subscribe account 000000000000 to QuickSight by hand/,
    );
  });

  it('finds the identity region in what QuickSight says', async () => {
    const elsewhere =
      'Operation is being called from endpoint us-east-1, but your identity region is eu-west-1. Please use the eu-west-1 endpoint.';
    local.faults.put({
      rules: ['DescribeAccountSubscription', 'ListUsers'].map((operation) => ({
        operation,
        fault: { kind: 'error', name: 'AccessDeniedException', message: elsewhere },
      })),
    });
    expect((await check()).QuickSight).toBe('ok: identities live in eu-west-1, assets in us-east-1');
    const at = (region: string) => ({ quicksightPrincipal: principal('user', 'me', region) });
    expect((await check(at('eu-west-1')))['QuickSight principal']).toBe('ok: user me, in the identity region eu-west-1');
    expect((await check(at('us-east-1')))['QuickSight principal']).toMatch(/^refused: the identity region is eu-west-1, not us-east-1/);
  });

  it('says which permission a look lacks, and goes on', async () => {
    failing('DescribeLimits', 'AccessDeniedException', 'not for you');
    const all = await check();
    expect(all['Kinesis shards']).toBe(
      "warning: could not be looked at: the worker's credentials lack kinesis:DescribeLimits (not for you)",
    );
    expect(all.credentials).toMatch(/^ok/);
    local.faults.put({ rules: [] });
  });
});
