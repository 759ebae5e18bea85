import type { Stage } from '../pipeline/stages.ts';
import { namedQueries } from './athena/named-queries.ts';
import { views } from './athena/views.ts';
import { workGroup } from './athena/work-group.ts';
import type { Clients } from './aws.ts';
import { firehoseLogs, studioLogs } from './cloudwatch-logs/log-group.ts';
import { deliveryStream } from './firehose/delivery-stream.ts';
import { auditTable } from './glue/audit-table.ts';
import { crawler } from './glue/crawler.ts';
import { database } from './glue/database.ts';
import { role } from './iam/role.ts';
import { youngRole } from './iam/young-role.ts';
import { stream } from './kinesis/stream.ts';
import { application } from './kinesis-analytics-v2/application.ts';
import { analysis } from './quicksight/analysis.ts';
import { dashboard } from './quicksight/dashboard.ts';
import { dataSet } from './quicksight/data-set.ts';
import { dataSource } from './quicksight/data-source.ts';
import { type Resource, type Steps, steps } from './resource.ts';
import { bucket } from './s3/bucket.ts';

/** The resource behind each stage of the pipeline; a stage without one does not compile. */
export const resources = (clients: Clients) =>
  ({
    bucket: bucket(clients),
    firehoseLogs: firehoseLogs(clients),
    studioLogs: studioLogs(clients),
    firehoseRole: role(clients, 'firehose'),
    studioRole: role(clients, 'studio'),
    crawlerRole: role(clients, 'crawler'),
    quicksightRole: role(clients, 'quicksight'),
    events: stream(clients, 'events'),
    playerMetrics: stream(clients, 'player_metrics'),
    teamMetrics: stream(clients, 'team_metrics'),
    leaderboards: stream(clients, 'leaderboards'),
    serverMetrics: stream(clients, 'server_metrics'),
    lateEvents: stream(clients, 'late_events'),
    flinkDatabase: database(clients, 'flinkDatabase'),
    lakeDatabase: database(clients, 'lakeDatabase'),
    eventsDelivery: deliveryStream(clients, 'events'),
    playerDelivery: deliveryStream(clients, 'player_metrics'),
    teamDelivery: deliveryStream(clients, 'team_metrics'),
    leaderboardDelivery: deliveryStream(clients, 'leaderboards'),
    serverDelivery: deliveryStream(clients, 'server_metrics'),
    lateDelivery: deliveryStream(clients, 'late_events'),
    studio: application(clients),
    crawler: crawler(clients),
    workgroup: workGroup(clients),
    questions: namedQueries(clients),
    auditTable: auditTable(clients),
    dataSource: dataSource(clients),
    views: views(clients),
    players: dataSet(clients, 'players'),
    teams: dataSet(clients, 'teams'),
    history: dataSet(clients, 'history'),
    audits: dataSet(clients, 'audits'),
    analysis: analysis(clients),
    dashboard: dashboard(clients),
  }) satisfies Record<Stage, Resource>;

/** The steps of every stage as Temporal knows them: 'bucket.ensure', 'bucket.ready', … */
export type StageActivities = {
  [Name in `${Stage}.${keyof Steps}`]: Name extends `${Stage}.${infer Step extends keyof Steps}` ? Steps[Step] : never;
};

/** The activities of all stages, for the worker. */
export const stageActivities = (clients: Clients): StageActivities =>
  Object.fromEntries(
    Object.entries(resources(clients)).flatMap(([stage, resource]) =>
      Object.entries(steps(resource as Resource, youngRole(clients))).map(([step, run]) => [`${stage}.${step}`, run]),
    ),
  ) as unknown as StageActivities;
