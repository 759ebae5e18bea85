import { describe, expect, it } from '@jest/globals';
import { permissionPolicy, trustPolicy } from '../activities/iam/policies.ts';
import type { Survey } from '../activities/resource.ts';
import { planWords } from '../client/plan.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { STAGES, type Stage } from '../pipeline/stages.ts';
import type { PlanReport } from '../workflows/messages.ts';
import { refusal } from '../workflows/refusal.ts';

const pipelineOf = (spec: object = {}): Pipeline => ({
  ...parseSpec({
    name: 'planned',
    target: 'aws',
    quicksightPrincipal: 'arn:aws:quicksight:us-east-1:000000000000:user/default/ops',
    ...spec,
  }),
  account: '000000000000',
});

const ALL = Object.keys(STAGES).length;

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
    expect(planWords(pipelineOf(), report({ bucket: { action: 'wait' } }))).toContain('1 on the way in or out, ');
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
        lakeDatabase: { action: 'adopt', differences: [{ field: 'Description', is: 'mine', wanted: 'ours' }] },
        workgroup: { action: 'foreign', arn: 'arn:x' },
      }),
    );
    expect(words).toContain('+ the bucket  (bucket: create)');
    expect(words).toContain('~ the eventsDelivery  (eventsDelivery: change)\n      BufferingHints.SizeInMBs: 5 -> 8');
    expect(words).toContain('Source: a -> b  (cannot be changed: the thing is made anew)');
    expect(words).toMatch(/> the crawler {2}\(crawler: take over\)\n(?! *a rollback)/);
    expect(words).toContain('Description: mine -> ours\n      a rollback puts its tags back; what else is changed here stays changed');
    expect(words).toContain(
      "! the workgroup  (workgroup: somebody else's)\n      the workgroup (arn:x) exists and was not made by data2dashboard; take",
    );
    expect(words).toContain('1 to create, 1 to change, 1 to replace, 2 to adopt, 1 to decide on, ');
    expect(words).toMatch(/It will cost \$\d+\.\d\d an hour, \$\d+ a month at \d+ events\/s/);
  });

  it('has the policies in full of each role that is made or changed, and of all when asked', () => {
    const made = planWords(pipelineOf(), report({ firehoseRole: { action: 'create' }, studioRole: { action: 'change' } }));
    const roles = (words: string) => [...words.matchAll(/^ {2}IAM role planned-us-east-1-(\w+)$/gm)].map(([, service]) => service);
    expect(roles(made)).toEqual(['firehose', 'studio']);
    const pipeline = pipelineOf();
    const documents = (['firehose', 'studio'] as const).flatMap((service) => [
      trustPolicy(service, pipeline, names(pipeline)),
      permissionPolicy(service, pipeline, names(pipeline)),
    ]);
    const shown = made.split('\n').flatMap((line) => (/^ {6}\{/.test(line) ? [JSON.parse(line) as object] : []));
    expect(shown).toEqual(documents.flatMap(({ Statement }) => Statement));
    expect(roles(planWords(pipelineOf(), report({})))).toEqual([]);
    expect(roles(planWords(pipelineOf(), report({}), { policies: true }))).toEqual(['firehose', 'studio', 'crawler', 'quicksight']);
  });

  it('names what goes', () => {
    const role = { action: 'change' as const, differences: [{ field: 'inline policy mine', is: {}, wanted: undefined }] };
    const gone = {
      ...report({ firehoseRole: { ...role, removes: ['inline policy mine of the firehoseRole'] } }),
      removed: ['schedule x/crawl', 'inline policy mine of the firehoseRole'],
    };
    expect(planWords(pipelineOf(), gone)).toContain(
      `1 to change, ${ALL - 1} stay; removed:\n  - schedule x/crawl\n  - inline policy mine of the firehoseRole`,
    );
    const only = planWords(pipelineOf(), { ...report({}), removed: ['schedule x/crawl'] });
    expect(only).toContain(`Nothing to make or change, ${ALL} stay; removed:\n  - schedule x/crawl`);
    expect(planWords(pipelineOf(), report({ bucket: { action: 'create' } }))).toContain(
      `1 to create, ${ALL - 1} stay; nothing is removed.`,
    );
  });

  it('cuts a long value where it begins to differ, and shows which part inside is meant', () => {
    const select = `SELECT ${'a_rather_long_column, '.repeat(20)}`;
    const differences = [
      { field: 'Definition.Sheets[0].Visuals[2].Title', is: `${select}x\n  FROM here`, wanted: `${select}y FROM here` },
      { field: 'Tags.team', is: 'mine' },
    ];
    const words = planWords(pipelineOf(), report({ dashboard: { action: 'change', differences: differences as never } }));
    const [line = ''] = words.split('\n').filter((each) => each.includes('Visuals[2]'));
    expect(line).toMatch(
      /Definition\.Sheets\[0\]\.Visuals\[2\]\.Title: ….*, x FROM here \(4\d\d characters\) -> ….*, y FROM here \(4\d\d characters\)$/,
    );
    expect(line.length).toBeLessThan(260);
    expect(words).toContain('      Tags.team: mine -> (none)');
  });

  it('offers --adopt only where nobody owns the thing', () => {
    const adviceOf = (is: Partial<Survey>) => planWords(pipelineOf(), report({ bucket: { action: 'foreign', arn: 'arn:x', ...is } }));
    expect(adviceOf({})).toContain(
      'the bucket (arn:x) exists and was not made by data2dashboard; take it over with --adopt, or choose another name',
    );
    expect(adviceOf({ owner: 'other' })).toContain("the bucket (arn:x) belongs to pipeline 'other'; choose another name for this one\n");
    expect(adviceOf({ hidden: true })).toContain(
      "the bucket (arn:x) is another account's, or these credentials may not see it; choose another name",
    );
    for (const is of [{ owner: 'other' }, { hidden: true as const }]) expect(adviceOf(is)).not.toContain('--adopt');
  });

  it('tells of a check that is worth knowing though it is ok, and of no other', () => {
    const checks: PlanReport['checks'] = [
      { name: 'QuickSight', state: 'ok', message: 'identities in eu-west-1', telling: true },
      { name: 'region', state: 'ok', message: 'has every service' },
    ];
    const words = planWords(pipelineOf(), report({}, checks));
    expect(words).toContain('ok: QuickSight: identities in eu-west-1');
    expect(words).not.toContain('has every service');
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
      'the workgroup (arn:x) exists and was not made by data2dashboard; take it over with --adopt, or choose another name for the pipeline',
    ]);
    expect(refusal({ ...bad, checks: [] }, { replace: true })).toMatch(/^the workgroup/);
  });
});
