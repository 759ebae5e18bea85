/** The groups in which people read the stages: by service, in the order of the data. */
export const STAGE_GROUPS = [
  'Kinesis streams',
  'Studio notebook',
  'Firehose',
  'S3 lake, logs, roles',
  'Glue catalog',
  'Athena',
  'QuickSight',
] as const;
export type StageGroup = (typeof STAGE_GROUPS)[number];

/**
 * The stages of a pipeline, top to bottom the path of one event. `needs`: what must stand first. `patience`: how long a stage may take on AWS
 * until it counts as stuck. `group`: under which heading people find it. `tables` is no resource: the first crawl over delivered data fulfils it.
 */
export const STAGES = {
  bucket: { needs: [], patience: '5 minutes', group: 'S3 lake, logs, roles' },
  firehoseLogs: { needs: [], patience: '2 minutes', group: 'S3 lake, logs, roles' },
  studioLogs: { needs: [], patience: '2 minutes', group: 'S3 lake, logs, roles' },
  firehoseRole: { needs: [], patience: '5 minutes', group: 'S3 lake, logs, roles' },
  studioRole: { needs: [], patience: '5 minutes', group: 'S3 lake, logs, roles' },
  crawlerRole: { needs: [], patience: '5 minutes', group: 'S3 lake, logs, roles' },
  quicksightRole: { needs: [], patience: '5 minutes', group: 'S3 lake, logs, roles' },
  events: { needs: [], patience: '5 minutes', group: 'Kinesis streams' },
  playerMetrics: { needs: [], patience: '5 minutes', group: 'Kinesis streams' },
  teamMetrics: { needs: [], patience: '5 minutes', group: 'Kinesis streams' },
  leaderboards: { needs: [], patience: '5 minutes', group: 'Kinesis streams' },
  serverMetrics: { needs: [], patience: '5 minutes', group: 'Kinesis streams' },
  lateEvents: { needs: [], patience: '5 minutes', group: 'Kinesis streams' },
  flinkDatabase: { needs: [], patience: '2 minutes', group: 'Studio notebook' },
  lakeDatabase: { needs: [], patience: '2 minutes', group: 'Glue catalog' },
  eventsDelivery: { needs: ['events', 'bucket', 'firehoseRole', 'firehoseLogs'], patience: '10 minutes', group: 'Firehose' },
  playerDelivery: { needs: ['playerMetrics', 'bucket', 'firehoseRole', 'firehoseLogs'], patience: '10 minutes', group: 'Firehose' },
  teamDelivery: { needs: ['teamMetrics', 'bucket', 'firehoseRole', 'firehoseLogs'], patience: '10 minutes', group: 'Firehose' },
  leaderboardDelivery: { needs: ['leaderboards', 'bucket', 'firehoseRole', 'firehoseLogs'], patience: '10 minutes', group: 'Firehose' },
  serverDelivery: { needs: ['serverMetrics', 'bucket', 'firehoseRole', 'firehoseLogs'], patience: '10 minutes', group: 'Firehose' },
  lateDelivery: { needs: ['lateEvents', 'bucket', 'firehoseRole', 'firehoseLogs'], patience: '10 minutes', group: 'Firehose' },
  studio: {
    needs: [
      ...['flinkDatabase', 'studioRole', 'studioLogs', 'events'],
      ...['playerMetrics', 'teamMetrics', 'leaderboards', 'serverMetrics', 'lateEvents'],
    ],
    patience: '15 minutes',
    group: 'Studio notebook',
  },
  crawler: { needs: ['lakeDatabase', 'crawlerRole', 'bucket'], patience: '5 minutes', group: 'Glue catalog' },
  workgroup: { needs: ['bucket'], patience: '10 minutes', group: 'Athena' },
  questions: { needs: ['workgroup', 'lakeDatabase'], patience: '5 minutes', group: 'Athena' },
  auditTable: { needs: ['lakeDatabase'], patience: '2 minutes', group: 'Glue catalog' },
  dataSource: { needs: ['workgroup', 'quicksightRole', 'lakeDatabase'], patience: '10 minutes', group: 'QuickSight' },
  views: { needs: ['tables', 'workgroup', 'lakeDatabase'], patience: '10 minutes', group: 'Athena' },
  players: { needs: ['dataSource', 'views'], patience: '5 minutes', group: 'QuickSight' },
  teams: { needs: ['dataSource', 'views'], patience: '5 minutes', group: 'QuickSight' },
  history: { needs: ['dataSource', 'views'], patience: '30 minutes', group: 'QuickSight' },
  audits: { needs: ['dataSource', 'auditTable'], patience: '5 minutes', group: 'QuickSight' },
  analysis: { needs: ['players', 'teams', 'history', 'audits'], patience: '10 minutes', group: 'QuickSight' },
  dashboard: { needs: ['players', 'teams', 'history', 'audits'], patience: '10 minutes', group: 'QuickSight' },
} as const satisfies Record<string, { needs: readonly string[]; patience: string; group: StageGroup }>;

export type Stage = keyof typeof STAGES;

/** Stages to bring up together, each with what it needs among them; plain data, handed to the workflow as input so that replays stay the same. */
export type Plan = { stage: Stage; needs: Stage[]; patience: string }[];

const all = Object.keys(STAGES) as Stage[];

/** Groups whose stages are things of one kind. */
const KINDS: StageGroup[] = ['Kinesis streams', 'Firehose'];

/** The first of the stages that AWS makes the same kind of thing for; the stage itself where there is no other. */
export function kindOf(stage: Stage): Stage {
  const { group } = STAGES[stage];
  return KINDS.includes(group) ? all.find((other) => STAGES[other].group === group)! : stage;
}

/** True for what can only stand once the first crawl has made the tables: the views and all that reads them. */
export function wantsTables(stage: Stage): boolean {
  const needs: readonly string[] = STAGES[stage].needs;
  return needs.includes('tables') || needs.some((need) => need !== 'tables' && wantsTables(need as Stage));
}

/** What holds data that is not made again: kept by a take-down that keeps data. */
export const HOLDS_DATA: Stage[] = ['bucket', 'lakeDatabase'];

/** The stages of a plan that pass, with what they need among them. */
export const only = (plan: Plan, passes: (stage: Stage) => boolean): Plan =>
  plan.filter(({ stage }) => passes(stage)).map(({ needs, ...planned }) => ({ ...planned, needs: needs.filter(passes) }));

const planOf = (stages: Stage[]): Plan =>
  stages.map((stage) => ({
    stage,
    needs: (STAGES[stage].needs as readonly string[]).filter((need) => stages.includes(need as Stage)) as Stage[],
    patience: STAGES[stage].patience,
  }));

/** Everything up to the lake: may stand before the first event. */
export const foundation = (): Plan => planOf(all.filter((stage) => !wantsTables(stage)));

/** Everything that reads the crawled tables. */
export const reports = (): Plan => planOf(all.filter(wantsTables));

/** The whole pipeline in the order of bringing up: a stage comes after what it needs. A take-down goes through it backwards. */
export const everything = (): Plan => planOf(all);

/** What a take-down takes away: everything, or all but what holds data. */
export const removalPlan = (keepData: boolean): Plan => only(everything(), (stage) => !keepData || !HOLDS_DATA.includes(stage));

/** The stages that stand, by their `states`: what is ready or has drifted, and what was there before this run, whose `made` stages were not. */
export const standing = (states: Partial<Record<Stage, string>>, made: readonly Stage[]): Stage[] =>
  all.filter((stage) => ['ready', 'drifted'].includes(states[stage] ?? '') || (stage in states && !made.includes(stage)));
