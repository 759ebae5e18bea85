import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { queryActivities } from '../activities/athena/query.ts';
import { type Clients, clients, quicksightIn } from '../activities/aws.ts';
import { crawlActivities } from '../activities/glue/crawl.ts';
import { youngRole } from '../activities/iam/young-role.ts';
import { inventoryActivities } from '../activities/inventory.ts';
import { producer } from '../activities/kinesis/producer.ts';
import { putting } from '../activities/kinesis/put-records.ts';
import { sendStretch, unsent } from '../activities/kinesis/stretch.ts';
import { notebookActivities } from '../activities/kinesis-analytics-v2/notebook.ts';
import { preflight } from '../activities/preflight.ts';
import { dashboardUrl } from '../activities/quicksight/page.ts';
import { refreshActivities } from '../activities/quicksight/refresh.ts';
import { resources } from '../activities/registry.ts';
import { type Resource, steps } from '../activities/resource.ts';
import { surveyActivities } from '../activities/survey.ts';
import { services } from '../local/services.ts';
import type { Local } from '../local/start.ts';
import { gameOf } from '../pipeline/lanes.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { STAGES, type Stage } from '../pipeline/stages.ts';
import { eventually } from './eventually.ts';
import { crawlOneKill } from './lake.ts';
import { localAws } from './local-aws.ts';
import { faultsOfAll, MENDING, modelOf } from './service-model.ts';

const stages = Object.keys(STAGES) as Stage[];
const principal = 'arn:aws:quicksight:us-east-1:000000000000:user/default/ops';
const pipelineOf = (spec: object = {}): Pipeline => ({
  ...parseSpec({
    name: 'judged',
    delivery: { seconds: 1 },
    quicksightPrincipal: principal,
    tags: { team: 'live ops', season: 'one' },
    keep: { streamHours: 72 },
    ...spec,
  }),
  account: '000000000000',
});
const pipeline = pipelineOf();
/** Another value of everything that a spec may change. */
const changed = pipelineOf({
  shards: 4,
  windowSeconds: 20,
  delivery: { seconds: 60, megabytes: 64 },
  tags: { team: 'ops', 'cost center': '4711' },
  keep: { streamHours: 48, lakeDays: 30, resultDays: 1, logDays: 30 },
  schedules: { crawl: '1 hour' },
  quicksightPrincipal: principal.replace('ops', 'local'),
});

let local: Local;
let aws: Clients;
let registry: Record<Stage, Resource>;
const has = async (stage: Stage, spec: Pipeline) => {
  const act = steps(registry[stage], youngRole(aws));
  await eventually(() => act.ensure(spec, { replace: true }));
  await eventually(() => act.ready(spec));
};

beforeAll(async () => {
  local = await localAws({ wholeCalls: true });
  aws = clients(local);
  registry = resources(aws) as unknown as Record<Stage, Resource>;
  for (const kind of ['user', 'group'])
    await preflight(aws, quicksightIn(local))['account.check']({
      ...pipeline,
      quicksightPrincipal: principal.replace('user/default/ops', `${kind}/default/local`),
    });
  for (const stage of stages) {
    if (stage === 'views') await crawlOneKill(aws, pipeline);
    await has(stage, pipeline);
  }
});
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

/** Operations that this life does not come to, and why. Those that mend what somebody changed are judged by test/drift.test.ts. */
const NOT_CALLED: Record<string, string> = {
  ...Object.fromEntries(MENDING.map((operation) => [operation, 'judged in drift.test.ts'])),
  AbortMultipartUpload: 'nobody leaves an upload behind here',
  DeleteBucketTagging: 'only of a bucket that was taken over without a tag, and is given back',
  DescribeApplicationOperation: 'tells of a start that failed',
  ListRoleTags: 'asked of roles that are in no stage',
  RestoreAnalysis: 'only within 30 days after a deletion',
  StopCrawler: 'only for a crawl under way',
  StopQueryExecution: 'only for a query under way',
};

describe('every request of a whole life', () => {
  it('is one that the model of its service takes', async () => {
    for (const stage of stages) await has(stage, changed);
    const { 'stages.survey': survey } = surveyActivities(registry);
    expect(Object.values((await survey(changed, {})).stages).map(({ action }) => action)).toEqual(stages.map(() => 'none'));
    await workOnce(changed);
    for (const stage of [...stages].reverse()) {
      const act = steps(registry[stage], youngRole(aws));
      await eventually(() => act.remove(changed));
      await eventually(() => act.gone(changed));
    }
    expect(await inventoryActivities(aws, registry)['inventory.left'](changed)).toEqual({ left: [] });

    const calls = local.calls.all();
    expect(faultsOfAll(calls)).toEqual([]);
    const judged = new Set(calls.map(({ operation }) => operation));
    expect(judged.size).toBeGreaterThan(90);
    expect(calledIn('activities').filter((operation) => !judged.has(operation) && !(operation in NOT_CALLED))).toEqual([]);
  });

  it('is judged by more than the SDK itself looks at', () => {
    const wrong: [service: string, operation: string, input: object, fault: string][] = [
      ['kinesis', 'CreateStream', { StreamName: 'no spaces' }, "CreateStream.StreamName: 'no spaces' does not match [a-zA-Z0-9_.-]+"],
      ['kinesis', 'CreateStream', {}, 'CreateStream.StreamName is missing'],
      ['kinesis', 'PutRecords', { Records: [] }, 'PutRecords.Records has size 0, not 1 to 500'],
      ['kinesis', 'PutRecords', { Records: [{ Data: 'text', PartitionKey: 'k' }] }, 'PutRecords.Records[0].Data are no bytes'],
      ['firehose', 'CreateDeliveryStream', { DeliveryStreamName: 'a', Rate: 1 }, 'CreateDeliveryStream.Rate is not known'],
      ['glue', 'StartCrawler', { Name: 5 }, 'StartCrawler.Name is no string'],
      [
        'iam',
        'CreateRole',
        { RoleName: 'r', AssumeRolePolicyDocument: '{}', MaxSessionDuration: 1 },
        'CreateRole.MaxSessionDuration has size 1, not 3600 to 43200',
      ],
      ['quicksight', 'ListUsers', { AwsAccountId: '12', Namespace: 'default' }, 'ListUsers.AwsAccountId has size 2, not 12 to 12'],
      ['athena', 'StopQuery', {}, 'StopQuery is no operation of athena'],
    ];
    for (const [service, operation, input, fault] of wrong) expect(modelOf(service).faults(operation, input)).toContain(fault);
  });
});

describe('every error of the local AWS', () => {
  /** Errors of the front door or of a protocol, which the models leave out; S3's model has hardly any. */
  const COMMON =
    /^(NotImplemented|InternalFailure|ValidationException|ValidationError|SerializationException|InvalidAction|UnknownOperationException|AccessDenied|AccessDeniedException)$/;

  it.each(services.filter(({ name }) => !['s3', 'sts'].includes(name)).map(({ name }) => name))(
    "of %s has a name of the service's model",
    (service) => {
      const made = errorsIn(FOLDERS[service] ?? service);
      expect(made.length).toBeGreaterThan(0);
      const unknown = made.filter((name) => !COMMON.test(name) && !modelOf(service).errors.has(name));
      expect(unknown).toEqual([]);
    },
  );
});

/** What happens on schedules and on command, once each. */
async function workOnce(spec: Pipeline): Promise<void> {
  const crawl = crawlActivities(aws);
  const since = await crawl['crawl.since'](spec);
  await eventually(() => crawl['crawl.start'](spec, since));
  await eventually(() => crawl['crawl.finished'](spec, since));
  const ask = queryActivities(aws);
  const id = await ask['query.start'](spec, 'kills_total', 'run');
  await eventually(() => ask['query.finished'](spec, 'kills_total', id));
  const load = refreshActivities(aws);
  const begun = await load['refresh.start'](spec, 'history', 'run');
  if ('ingestion' in begun) await eventually(() => load['refresh.finished'](spec, 'history', begun.ingestion));
  const { put, close } = putting(local);
  const sending = {
    producer: producer({ put, stream: names(spec).streams.events }),
    signal: new AbortController().signal,
    report: () => undefined,
  };
  const bases = [{ from: 0, base: Date.now(), rate: 1e6 }];
  await sendStretch({ game: gameOf(spec, 'abcd1234'), lane: 0, from: 0, to: 20, bases, since: 0 }, unsent(0), sending);
  close();
  await dashboardUrl(aws, spec);
  const note = notebookActivities(aws);
  await expect(note['notebook.awaitStarted'](spec)).rejects.toMatchObject({ type: 'StartFailed' });
  await eventually(() => note['notebook.start'](spec));
  await eventually(() => note['notebook.awaitStarted'](spec));
  await note['notebook.checkJob'](spec);
  await note['notebook.checkFlow'](spec);
  await eventually(() => note['notebook.stop'](spec));
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS: Record<string, string> = { logs: 'cloudwatch-logs', kinesisanalytics: 'kinesis-analytics-v2' };
const textsIn = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(ROOT, folder, file), 'utf8'));
const found = (texts: string[], pattern: RegExp): string[] => [
  ...new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name = '']) => name))),
];
/** The operations for which there is code. */
const calledIn = (folder: string): string[] => found(textsIn(folder), /new (\w+)Command\(/g);
/** The errors that a service of the local AWS makes. */
const errorsIn = (folder: string): string[] => found(textsIn(join('local', folder)), /awsError\(\s*'(\w+)'/g);
