import { UntagResourceCommand as UntagWorkGroupCommand, UpdateWorkGroupCommand } from '@aws-sdk/client-athena';
import {
  GetTableCommand,
  UntagResourceCommand as UntagDatabaseCommand,
  UpdateCrawlerCommand,
  UpdateTableCommand,
} from '@aws-sdk/client-glue';
import { PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { UpdateDashboardCommand } from '@aws-sdk/client-quicksight';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { clients } from '../activities/aws.ts';
import { youngRole } from '../activities/iam/young-role.ts';
import { isOurs } from '../activities/own-tags.ts';
import { resources } from '../activities/registry.ts';
import { type Consent, type Resource, steps, survey } from '../activities/resource.ts';
import { everythingThereIs } from '../chaos/inventory.ts';
import type { Local } from '../local/start.ts';
import { dashboardDefinition } from '../pipeline/dashboard.ts';
import { names, OWNER_TAG } from '../pipeline/names.ts';
import { QUESTIONS } from '../pipeline/schedules.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { STAGES, type Stage } from '../pipeline/stages.ts';
import { eventually } from './eventually.ts';
import { crawlOneKill } from './lake.ts';
import { localAws } from './local-aws.ts';
import { watch } from './watch.ts';

const stages = Object.keys(STAGES) as Stage[];
const principal = 'arn:aws:quicksight:us-east-1:000000000000:user/default/ops';

let local: Local;
let aws: ReturnType<typeof clients>;
let registry: Record<Stage, Resource>;
let young: ReturnType<typeof youngRole>;
let before: string[];
const pipeline: Pipeline = { ...parseSpec({ name: 'contract', delivery: { seconds: 1 } }), account: '000000000000' };
const n = names(pipeline);

/** Calls that change something, by the names of their commands. */
let changes: string[] = [];
/** While true, what is created carries no tags: as if somebody else had made it. */
let untagged = false;

beforeAll(async () => {
  local = await localAws({ settle: 30 });
  aws = clients(local);
  for (const client of Object.values(aws))
    watch(
      client,
      (command) => changes.push(command),
      () => untagged,
    );
  young = youngRole(aws);
  registry = resources(aws) as Record<Stage, Resource>;
  before = await everythingThereIs(aws, pipeline.account);
});

afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

describe.each(stages)('%s', (stage) => {
  const resource = () => registry[stage];
  const exists = async () => isOurs(await resource().find(pipeline), pipeline);
  const up = async (spec = pipeline, leave?: Consent) => {
    const { outcome } = await eventually(() => steps(resource(), young).ensure(spec, leave));
    await eventually(() => steps(resource(), young).ready(spec));
    return outcome;
  };
  const down = async () => {
    await eventually(() => steps(resource(), young).remove(pipeline));
    await eventually(() => steps(resource(), young).gone(pipeline));
  };

  beforeAll(async () => {
    if (stage === 'views') await crawlOneKill(aws, pipeline);
  });

  it('is quietly absent at first', async () => {
    changes = [];
    expect(await exists()).toBe(false);
    await down();
    expect(changes).toEqual([]);
  });

  it('is created once, however often it is ensured', async () => {
    expect(await up()).toBe('created');
    expect(await exists()).toBe(true);
    changes = [];
    expect(await up()).toBe('unchanged');
    expect(await up()).toBe('unchanged');
    expect(changes).toEqual([]);
  });

  it('comes back when someone deletes it behind our back', async () => {
    await deleted(resource());
    expect(await up()).toBe('created');
    changes = [];
    expect(await up()).toBe('unchanged');
    expect(changes).toEqual([]);
  });

  it('changes only what differs, and back', async () => {
    const { spec = {}, drift, calls } = DIFFERENCES[stage];
    const wanted = { ...pipeline, ...spec };
    await drift?.();
    changes = [];
    expect(await up(wanted)).toBe(calls.length > 0 ? 'changed' : 'unchanged');
    expect(changes).toEqual(calls);
    changes = [];
    expect(await up(wanted)).toBe('unchanged');
    expect(await survey(resource(), wanted)).toMatchObject({ action: 'none', differences: [] });
    expect(changes).toEqual([]);
    await up();
  });

  it('is left alone when it belongs to somebody else', async () => {
    const parent = PARENTS[stage];
    expect(parent === undefined).toBe((await resource().find(pipeline))!.tags !== undefined);
    if (parent) await parent.disown();
    else {
      await deleted(resource());
      untagged = true;
      await up();
      untagged = false;
    }
    changes = [];
    const refusal = await steps(resource(), young)
      .ensure(pipeline)
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ApplicationFailure);
    expect(refusal).toMatchObject({
      nonRetryable: true,
      message: expect.stringMatching(/exists and was not made by data2dashboard.*; take it over with --adopt, or choose another name/),
    });
    expect(await survey(resource(), pipeline)).toMatchObject({ action: 'foreign', arn: resource().arn?.(pipeline) });
    expect(await exists()).toBe(false);
    await down();
    expect(changes).toEqual([]);
    expect(await resource().find(pipeline)).toBeDefined();
    expect(await survey(resource(), pipeline, { adopt: true })).toMatchObject({ action: 'adopt' });
    if (parent) await eventually(() => steps(registry[parent.stage], young).ensure(pipeline, { adopt: true }));
    else expect(await up(pipeline, { adopt: true })).toBe('adopted');
    expect(await exists()).toBe(true);
    expect(await up()).toBe('unchanged');
  });
});

describe('events with other shards', () => {
  it('has them made by one call, and the SQL reads each in a subtask of its own', async () => {
    for (const shards of [4, pipeline.shards]) {
      const wanted = { ...pipeline, shards };
      changes = [];
      for (const stage of ['events', 'studio'] as const) {
        expect(await eventually(() => steps(registry[stage], young).ensure(wanted))).toMatchObject({ outcome: 'changed' });
        await eventually(() => steps(registry[stage], young).ready(wanted));
        expect(await survey(registry[stage], wanted)).toMatchObject({ action: 'none', differences: [] });
      }
      expect(changes).toEqual(['UpdateShardCount', 'DeleteApplication', 'CreateApplication']);
    }
  });
});

describe('taking down', () => {
  it.each([...stages].reverse())('%s is gone after remove, and removing again is quiet', async (stage) => {
    const resource = registry[stage];
    await eventually(() => steps(resource, young).remove(pipeline));
    await eventually(() => steps(resource, young).gone(pipeline));
    expect(await resource.find(pipeline)).toBeUndefined();
    changes = [];
    await steps(resource, young).remove(pipeline);
    await steps(resource, young).gone(pipeline);
    expect(changes).toEqual([]);
  });

  it('leaves nothing in any service', async () => {
    expect(await everythingThereIs(aws, pipeline.account)).toEqual(before);
  });
});

/** What carries no tags is owned through its parent: which that is, and how to have it be nobody's. */
const PARENTS: Partial<Record<Stage, { stage: Stage; disown: () => Promise<unknown> }>> = {
  questions: {
    stage: 'workgroup',
    disown: () => aws.athena.send(new UntagWorkGroupCommand({ ResourceARN: n.workgroupArn, TagKeys: [OWNER_TAG] })),
  },
  auditTable: { stage: 'lakeDatabase', disown: () => disownLake() },
  views: { stage: 'lakeDatabase', disown: () => disownLake() },
};
const disownLake = () => aws.glue.send(new UntagDatabaseCommand({ ResourceArn: n.databaseArn(n.lakeDatabase), TagsToRemove: [OWNER_TAG] }));

/** How to make each stage differ from its spec, or its spec from it, and the calls that mend it. */
const DIFFERENCES: Record<Stage, { spec?: Partial<Pipeline>; drift?: () => Promise<unknown>; calls: string[] }> = {
  bucket: { spec: { keep: { ...pipeline.keep, resultDays: 9 } }, calls: ['PutBucketLifecycleConfiguration'] },
  firehoseLogs: { spec: { keep: { ...pipeline.keep, logDays: 30 } }, calls: ['PutRetentionPolicy'] },
  studioLogs: { spec: { keep: { ...pipeline.keep, logDays: 30 } }, calls: ['PutRetentionPolicy'] },
  firehoseRole: { drift: () => widen(n.roles.firehose), calls: ['TagRole', 'PutRolePolicy'] },
  studioRole: { drift: () => widen(n.roles.studio), calls: ['TagRole', 'PutRolePolicy'] },
  crawlerRole: { drift: () => widen(n.roles.crawler), calls: ['TagRole', 'PutRolePolicy'] },
  quicksightRole: { drift: () => widen(n.roles.quicksight), calls: ['TagRole', 'PutRolePolicy'] },
  events: { calls: [] },
  playerMetrics: { spec: { shards: 4 }, calls: [] },
  teamMetrics: { spec: { shards: 4 }, calls: [] },
  leaderboards: { spec: { shards: 4 }, calls: [] },
  serverMetrics: { spec: { shards: 4 }, calls: [] },
  lateEvents: { spec: { shards: 4 }, calls: [] },
  flinkDatabase: { calls: [] },
  lakeDatabase: { calls: [] },
  eventsDelivery: { spec: { delivery: { seconds: 60, megabytes: 5 } }, calls: ['UpdateDestination'] },
  playerDelivery: { spec: { delivery: { seconds: 1, megabytes: 9 } }, calls: ['UpdateDestination'] },
  teamDelivery: { spec: { delivery: { seconds: 60, megabytes: 9 } }, calls: ['UpdateDestination'] },
  leaderboardDelivery: { spec: { delivery: { seconds: 60, megabytes: 9 } }, calls: ['UpdateDestination'] },
  serverDelivery: { spec: { delivery: { seconds: 60, megabytes: 9 } }, calls: ['UpdateDestination'] },
  lateDelivery: { spec: { delivery: { seconds: 60, megabytes: 9 } }, calls: ['UpdateDestination'] },
  studio: { spec: { windowSeconds: 20 }, calls: ['DeleteApplication', 'CreateApplication'] },
  crawler: {
    drift: () =>
      aws.glue.send(new UpdateCrawlerCommand({ Name: n.crawler, SchemaChangePolicy: { DeleteBehavior: 'DELETE_FROM_DATABASE' } })),
    calls: ['UpdateCrawler'],
  },
  workgroup: {
    drift: () => aws.athena.send(new UpdateWorkGroupCommand({ WorkGroup: n.workgroup, State: 'DISABLED' })),
    calls: ['UpdateWorkGroup'],
  },
  // All but one ask of windows.
  questions: { spec: { windowSeconds: 20 }, calls: QUESTIONS.slice(1).map(() => 'UpdateNamedQuery') },
  auditTable: {
    drift: () =>
      aws.glue.send(
        new UpdateTableCommand({ DatabaseName: n.lakeDatabase, TableInput: { Name: n.lastAudit.table, TableType: 'EXTERNAL_TABLE' } }),
      ),
    calls: ['UpdateTable'],
  },
  dataSource: { spec: { quicksightPrincipal: principal }, calls: ['UpdateDataSourcePermissions'] },
  views: { drift: () => forget('team_windows'), calls: ['StartQueryExecution', 'UpdateTable'] },
  players: { spec: { quicksightPrincipal: principal }, calls: ['UpdateDataSetPermissions'] },
  teams: { spec: { quicksightPrincipal: principal }, calls: ['UpdateDataSetPermissions'] },
  history: { spec: { quicksightPrincipal: principal }, calls: ['UpdateDataSetPermissions'] },
  audits: { spec: { quicksightPrincipal: principal }, calls: ['UpdateDataSetPermissions'] },
  analysis: { spec: { quicksightPrincipal: principal }, calls: ['UpdateAnalysisPermissions'] },
  dashboard: {
    spec: { quicksightPrincipal: principal },
    drift: () =>
      aws.quicksight.send(
        new UpdateDashboardCommand({
          AwsAccountId: pipeline.account,
          DashboardId: n.dashboard,
          Name: 'Mine now',
          Definition: dashboardDefinition(pipeline),
        }),
      ),
    calls: ['UpdateDashboard', 'UpdateDashboardPublishedVersion', 'UpdateDashboardPermissions'],
  },
};

const widen = (RoleName: string) =>
  aws.iam.send(
    new PutRolePolicyCommand({
      RoleName,
      PolicyName: 'least-privilege',
      PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] }),
    }),
  );

/** Makes a view one that our text did not make. */
async function forget(Name: string): Promise<void> {
  const { Table: table } = await aws.glue.send(new GetTableCommand({ DatabaseName: n.lakeDatabase, Name }));
  const { StorageDescriptor, ViewOriginalText, ViewExpandedText, TableType } = table!;
  const { 'data2dashboard.sql': _, ...Parameters } = table!.Parameters!;
  const TableInput = { Name, StorageDescriptor, ViewOriginalText, ViewExpandedText, TableType, Parameters };
  await aws.glue.send(new UpdateTableCommand({ DatabaseName: n.lakeDatabase, TableInput }));
}

async function deleted(resource: Resource): Promise<void> {
  await eventually(async () => {
    const found = await resource.find(pipeline);
    if (found === undefined) return;
    await resource.empty?.(pipeline);
    if (resource.status(found) !== 'leaving') await resource.remove(pipeline, found);
    throw ApplicationFailure.create({ type: 'NotYet', message: `${resource.label(pipeline)} is still there` });
  });
}
