import { BatchGetNamedQueryCommand, ListNamedQueriesCommand } from '@aws-sdk/client-athena';
import { DescribeApplicationCommand } from '@aws-sdk/client-kinesis-analytics-v2';
import type { Client, WorkflowHandle } from '@temporalio/client';
import type { Clients } from '../activities/aws.ts';
import type { Call } from '../local/call-log.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';

type Input = Record<string, unknown>;

/**
 * What calls create and delete, by the operation behind its verb: how its name is found in the input. Things of the same name count apart by service. Buckets are left
 * out: in us-east-1 their owner may say it twice, and has one.
 */
const NAMED: Record<string, (input: Input) => unknown> = {
  Stream: ({ StreamName }) => StreamName,
  DeliveryStream: ({ DeliveryStreamName }) => DeliveryStreamName,
  Role: ({ RoleName }) => RoleName,
  Database: ({ DatabaseInput, Name }) => (DatabaseInput as Input | undefined)?.Name ?? Name,
  Crawler: ({ Name }) => Name,
  LogGroup: ({ logGroupName }) => logGroupName,
  Application: ({ ApplicationName }) => ApplicationName,
  WorkGroup: ({ WorkGroup, Name }) => WorkGroup ?? Name,
  DataSource: ({ DataSourceId }) => DataSourceId,
  DataSet: ({ DataSetId }) => DataSetId,
  Analysis: ({ AnalysisId }) => AnalysisId,
  Dashboard: ({ DashboardId }) => DashboardId,
};

/** The calls that had an effect: whatever their callers heard. */
const effects = (calls: Call[]): Call[] => calls.filter(({ outcome }) => outcome === 'ok' || outcome === 'lost');

/** Things of which there were two at a time: more creations than deletions had an effect. */
export function createdTwice(calls: Call[]): string[] {
  const standing = new Map<string, number>();
  const twice = new Set<string>();
  for (const { service, operation, input } of effects(calls)) {
    const [, verb, kind = ''] = /^(Create|Delete)(\w+)$/.exec(operation) ?? [];
    const name = NAMED[kind]?.(input as Input);
    if (name === undefined) continue;
    const thing = `${service} ${kind} ${name}`;
    const now = Math.max(0, (standing.get(thing) ?? 0) + (verb === 'Create' ? 1 : -1));
    standing.set(thing, now);
    if (now > 1) twice.add(thing);
  }
  return [...twice];
}

/** What was meant to be started: when it was asked for, and when that was over (milliseconds since the epoch). */
interface Meant {
  from: number;
  to: number;
}

/** What is started, by which activities, and what makes two calls the same. Views are made by CREATE OR REPLACE, which may run twice. */
const STARTS: Record<string, { by: string[]; same(call: Call): unknown; isOf(call: Call, pipeline: Pipeline): boolean }> = {
  StartCrawler: {
    by: ['crawl.start'],
    same: ({ id }) => id,
    isOf: ({ input }, pipeline) => (input as Input).Name === names(pipeline).crawler,
  },
  StartQueryExecution: {
    by: ['query.start', 'audit.athena', 'audit.counted', 'audit.windows'],
    same: ({ input }) => (input as Input).ClientRequestToken,
    isOf: ({ input }, pipeline) =>
      (input as Input).WorkGroup === names(pipeline).workgroup && !/^\s*CREATE OR REPLACE/i.test(String((input as Input).QueryString)),
  },
  CreateIngestion: {
    by: ['refresh.start'],
    same: ({ input }) => (input as Input).IngestionId,
    isOf: ({ input }, pipeline) =>
      (input as Input).DataSetId === names(pipeline).dataSets.history && !String((input as Input).IngestionId).startsWith('mend-'),
  },
};

const STARTING = Object.values(STARTS).flatMap(({ by }) => by);

/** Crawls, queries and ingestions that nothing had asked for, or that one asking started twice. `meant`: when each activity was under way. */
export function startedTwice(calls: Call[], pipeline: Pipeline, meant: Record<string, Meant[]>): string[] {
  return Object.entries(STARTS).flatMap(([operation, { by, same, isOf }]) => {
    const ours = effects(calls).filter((call) => call.operation === operation && isOurs(call) && isOf(call, pipeline));
    const begun = [...new Map(ours.map((call) => [same(call), call] as const).reverse()).values()];
    const asked = by.flatMap((activity) => meant[activity] ?? []);
    return unasked(begun, asked).map(({ at }) => `${operation} at ${new Date(at).toISOString()}`);
  });
}

/** The calls that are left over once each is put to an asking of its own: first to the one that is over first. */
function unasked(calls: Call[], meant: Meant[]): Call[] {
  const open = [...meant].sort((a, b) => a.to - b.to);
  return [...calls]
    .sort((a, b) => a.at - b.at)
    .filter(({ at }) => {
      const found = open.findIndex(({ from, to }) => from <= at && at <= to);
      if (found >= 0) open.splice(found, 1);
      return found < 0;
    });
}

/** True for a call of the product, by its worker or its client; neither what Flink does nor what somebody does behind the pipeline's back. */
export const isOurs = ({ caller, app }: Call): boolean => caller === OURS.caller && app !== undefined && OURS.apps.includes(app);
/** And for a rule of a fault plan. */
export const OURS = { caller: 'user/local', apps: ['worker', 'client'] };

/** When the activities that start something were under way, in every workflow that the pipeline had so far. */
export async function meantBy({ workflow }: Client, { name }: Pipeline): Promise<Record<string, Meant[]>> {
  const meant: Record<string, Meant[]> = {};
  const query = `PipelineName = '${name}' AND WorkflowType IN ('crawl', 'query', 'refresh', 'audit')`;
  for await (const { workflowId, runId } of workflow.list({ query })) {
    const { events } = await workflow.getHandle(workflowId, runId).fetchHistory();
    for (const event of events ?? []) {
      const type = event.activityTaskScheduledEventAttributes?.activityType?.name ?? '';
      if (!STARTING.includes(type)) continue;
      const end = events?.find((each) => scheduledBy(each) === String(event.eventId));
      const to = end ? timeOf(end) + CLOCK_MS : Number.POSITIVE_INFINITY;
      meant[type] = [...(meant[type] ?? []), { from: timeOf(event) - CLOCK_MS, to }];
    }
  }
  return meant;
}

type Event = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

/** What two processes' clocks may be apart: the server and the local AWS run on one machine. */
const CLOCK_MS = 50;

const timeOf = ({ eventTime }: Event): number => Number(eventTime?.seconds ?? 0) * 1000 + Number(eventTime?.nanos ?? 0) / 1e6;

/** The event that scheduled the activity whose end this is. */
function scheduledBy(event: Event): string | undefined {
  const end =
    event.activityTaskCompletedEventAttributes ??
    event.activityTaskFailedEventAttributes ??
    event.activityTaskTimedOutEventAttributes ??
    event.activityTaskCanceledEventAttributes;
  return end ? String(end.scheduledEventId) : undefined;
}

/** Things without a name of their own that stand twice: questions of one name in the workgroup, logging options of the application. */
export async function standingTwice({ athena, kinesisAnalyticsV2 }: Clients, pipeline: Pipeline): Promise<string[]> {
  const { workgroup: WorkGroup, application: ApplicationName } = names(pipeline);
  const { NamedQueryIds = [] } = await athena.send(new ListNamedQueriesCommand({ WorkGroup }));
  const { NamedQueries = [] } = await athena.send(new BatchGetNamedQueryCommand({ NamedQueryIds }));
  const { ApplicationDetail } = await kinesisAnalyticsV2.send(new DescribeApplicationCommand({ ApplicationName }));
  const options = ApplicationDetail?.CloudWatchLoggingOptionDescriptions ?? [];
  const all = [
    ...NamedQueries.map(({ Name }) => `question ${Name}`),
    ...options.map(({ LogStreamARN }) => `logging option ${LogStreamARN}`),
  ];
  return [...new Set(all.filter((thing, i) => all.indexOf(thing) !== i))];
}
