import { describe, expect, it } from '@jest/globals';
import { differences } from '../activities/differences.ts';
import { permissionPolicy, type Service, trustPolicy } from '../activities/iam/policies.ts';
import { samePolicy } from '../activities/iam/same-policy.ts';
import { buildNote, editedIn, noteContent } from '../activities/kinesis-analytics-v2/note.ts';
import { filledIn, statements } from '../activities/sql.ts';
import { GROUPS, groupState } from '../client/stage-groups.ts';
import { dashboardDefinition } from '../pipeline/dashboard.ts';
import { names } from '../pipeline/names.ts';
import { QUESTIONS } from '../pipeline/schedules.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { STAGES } from '../pipeline/stages.ts';
import { droppedFrom, KEYS_TAG } from '../pipeline/tags.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'game', shards: 3, windowSeconds: 20 }), account: '111122223333' };
const n = names(pipeline);

describe('the texts of sql/', () => {
  it.each(['flink', 'athena', 'views', 'quicksight'])('%s: every placeholder is known, and none is left', (folder) => {
    const all = statements(pipeline, folder);
    expect(all.length).toBeGreaterThan(0);
    for (const { text } of all) expect(text).not.toContain('${');
  });

  it('fails on a placeholder that no pipeline has, and says which and where', () => {
    expect(() => filledIn(`SELECT \${colour}`, { region: 'us-east-1' }, 'sql/x.sql')).toThrow(
      `sql/x.sql has an unknown placeholder \${colour}; known are region`,
    );
    expect(() => filledIn(`SELECT \${toString}`, {}, 'sql/x.sql')).toThrow('unknown placeholder');
  });

  it('knows a ratio only of sums, never a mean of ratios', () => {
    const texts = ['flink', 'athena', 'views', 'quicksight'].flatMap((folder) => statements(pipeline, folder).map(({ text }) => text));
    for (const text of [...texts, JSON.stringify(dashboardDefinition(pipeline))]) {
      expect(text).not.toMatch(/\b(avg|average|approx_percentile|median)\b[^,]*(ratio|share)/i);
      expect(text).not.toMatch(/\b(sum|max|min)\(\s*(\w+\.)?(kill_death_ratio|win_share|late_share)/i);
    }
  });

  it('asks the questions of the issue', () => {
    expect(statements(pipeline, 'athena').map(({ name }) => name)).toEqual([...QUESTIONS].sort());
  });
});

describe('the note', () => {
  const note = JSON.parse(buildNote(pipeline)) as { id: string; paragraphs: { text: string; title: string }[] };

  it('has a paragraph for each file, in order', () => {
    const files = statements(pipeline, 'flink');
    expect(note.paragraphs.map(({ text }) => text.slice(text.indexOf('\n') + 1))).toEqual(files.map(({ text }) => text));
    expect(note.id).toBe(n.noteId);
  });

  it('holds every INSERT in its last paragraph, one job at one slot a shard', () => {
    const [last, ...others] = [...note.paragraphs].reverse();
    expect(last!.text).toMatch(/^%flink\.ssql\(type=update, parallelism=3, runAsOne=true\)\n/);
    expect(last!.text.match(/^INSERT INTO /gm)).toHaveLength(6);
    expect(last!.text).toContain("INTERVAL '20' SECOND(4), INTERVAL '60' SECOND(4)");
    for (const { text } of others) {
      expect(text).toMatch(/^%flink\.ssql\(type=update\)\n/);
      expect(text).not.toMatch(/^INSERT/m);
    }
  });

  it('is the same note however Studio writes it down', () => {
    const rewritten = { ...note, paragraphs: note.paragraphs.map((each) => ({ ...each, id: 'paragraph_1', status: 'READY' })), config: {} };
    expect(noteContent(JSON.stringify(rewritten))).toEqual(noteContent(JSON.stringify(note)));
    expect(noteContent(undefined)).toBeUndefined();
    expect(noteContent('{}')).toBeUndefined();
  });

  it('has been edited where a paragraph is another', () => {
    const texts = note.paragraphs.map(({ text }) => text);
    const edited = (...live: string[]) => editedIn(JSON.stringify({ paragraphs: live.map((text) => ({ text })) }), JSON.stringify(note));
    expect(edited(...texts)).toEqual([]);
    expect(edited(...texts, '')).toEqual([texts.length + 1]);
    expect(edited(...texts, 'SELECT 1')).toEqual([texts.length + 1]);
    expect(edited(...texts.with(1, 'SELECT 1'))).toEqual([2]);
    expect(edited(...texts.slice(0, -1))).toEqual([texts.length]);
    expect(editedIn(undefined, JSON.stringify(note))).toEqual([]);
  });
});

describe('roles', () => {
  const services: Service[] = ['firehose', 'studio', 'crawler', 'quicksight'];
  const statementsOf = (service: Service) => permissionPolicy(service, pipeline, n).Statement;
  const list = (value: string | string[] = []) => [value].flat();

  it.each(services)('%s: no action is a wildcard, and only calls that know no resource stand on *', (service) => {
    for (const { Action, Resource } of statementsOf(service)) {
      for (const action of list(Action)) expect(action).toMatch(/^[a-z0-9]+:[A-Za-z]+$/);
      if (list(Resource).includes('*')) {
        for (const action of list(Action))
          expect([
            'glue:GetDatabases',
            'cloudwatch:PutMetricData',
            'athena:ListDataCatalogs',
            'athena:ListWorkGroups',
            'athena:ListEngineVersions',
          ]).toContain(action);
      }
    }
  });

  it.each(services)('%s: trusts its one service, for this account alone', (service) => {
    const [trust, ...more] = trustPolicy(service, pipeline, n).Statement;
    expect(more).toEqual([]);
    expect(trust).toMatchObject({
      Effect: 'Allow',
      Action: 'sts:AssumeRole',
      Condition: { StringEquals: { 'aws:SourceAccount': '111122223333' } },
    });
    if (service !== 'quicksight')
      for (const source of list(trust!.Condition!.ArnLike!['aws:SourceArn'])) expect(source).toContain(':111122223333:');
  });

  it.each(services)('%s: reads no stream, bucket or database but the pipeline’s', (service) => {
    for (const resource of statementsOf(service).flatMap(({ Resource }) => list(Resource))) {
      if (/^arn:aws:(s3|kinesis|athena):/.test(resource) && !resource.includes('datacatalog')) expect(resource).toMatch(/[:/]game(-|\/|$)/);
    }
  });

  it('fit IAM’s limit for the inline policies of a role', () => {
    for (const service of services) expect(JSON.stringify(permissionPolicy(service, pipeline, n)).length).toBeLessThan(10_240);
    for (const service of services) expect(JSON.stringify(trustPolicy(service, pipeline, n)).length).toBeLessThan(2_048);
  });

  it('are the same when AWS reorders them and takes lists of one apart', () => {
    const wanted = trustPolicy('studio', pipeline, n);
    const [trust] = wanted.Statement;
    const reported = { Statement: { ...trust, Action: ['sts:AssumeRole'] }, Version: '2012-10-17' };
    expect(samePolicy(JSON.stringify(reported), wanted)).toBe(true);
    expect(samePolicy(JSON.stringify({ ...reported, Statement: { ...trust, Action: 'sts:TagSession' } }), wanted)).toBe(false);
    expect(samePolicy(JSON.stringify({ ...reported, Statement: { ...trust, Sid: '100% ours' } }), wanted)).toBe(false);
    expect(samePolicy(undefined, wanted)).toBe(false);
  });
});

describe('differences', () => {
  it('are what we want and AWS does not report, not what AWS adds', () => {
    const wanted = { size: 5, hints: { seconds: 30 }, targets: [{ path: 'a' }], none: undefined };
    const reported = { size: 5, hints: { seconds: 30, own: true }, targets: [{ path: 'a', exclusions: [] as string[] }], added: 'by AWS' };
    expect(differences(wanted, reported)).toEqual([]);
    expect(differences(wanted, { ...reported, hints: { seconds: 60 } })).toEqual([{ field: 'hints.seconds', is: 60, wanted: 30 }]);
    expect(differences(wanted, { ...reported, targets: [{ path: 'a' }, { path: 'b' }] }).map(({ field }) => field)).toEqual(['targets']);
    expect(differences(wanted, undefined).map(({ field }) => field)).toEqual(['size', 'hints.seconds', 'targets']);
    expect(differences({ list: [] }, {})).toEqual([]);
    const sheets = (name: string) => ({ sheets: [{ id: 1 }, { id: 2, titles: [name] }], at: [new Date(7)] });
    expect(differences(sheets('ours'), sheets('theirs'), 'Definition.')).toEqual([
      { field: 'Definition.sheets[1].titles[0]', is: 'theirs', wanted: 'ours' },
    ]);
    expect(differences(sheets('ours'), { ...sheets('ours'), at: [new Date(8)] }).map(({ field }) => field)).toEqual(['at[0]']);
  });
});

describe('the tags of a resource', () => {
  it('remember forty long keys in what one value holds, and tell those of others from ours', () => {
    const tags = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`${'k'.repeat(120)}-${i}`, 'v']));
    const all = names({ ...pipeline, tags }).tags;
    expect(Object.keys(all)).toHaveLength(42);
    expect(all[KEYS_TAG]).toMatch(/^[0-9a-f]{240}$/);
    const some = names({ ...pipeline, tags: Object.fromEntries(Object.entries(tags).slice(3)) }).tags;
    expect(droppedFrom({ ...all, theirs: 'v' }, some)).toEqual(Object.keys(tags).slice(0, 3));
    expect(droppedFrom({ ...all, theirs: 'v' }, names(pipeline).tags)).toEqual([...Object.keys(tags), KEYS_TAG]);
    expect(droppedFrom({ theirs: 'v' }, some)).toEqual([]);
  });
});

describe('the groups of stages that status shows', () => {
  it('hold every stage once', () => {
    expect(Object.values(GROUPS).flat().sort()).toEqual(Object.keys(STAGES).sort());
  });

  it('say the worst of their stages in one word, and name those that are not ready', () => {
    const group = GROUPS['Kinesis streams']!;
    expect(groupState(group, {})).toEqual({ state: 'waiting', open: group });
    expect(groupState(group, { events: 'ready', playerMetrics: 'working' })).toEqual({
      state: 'working',
      open: group.filter((stage) => stage !== 'events'),
    });
    expect(groupState(group, { events: 'ready', playerMetrics: 'failed', teamMetrics: 'working' })).toMatchObject({ state: 'failed' });
    expect(groupState(group, { events: 'ready', playerMetrics: 'drifted' })).toMatchObject({ state: 'drifted' });
    expect(groupState(group, Object.fromEntries(group.map((stage) => [stage, 'ready'])))).toEqual({ state: 'ready', open: [] });
  });
});
