/**
 * The stages of a pipeline, top to bottom the path of one event. `needs`: what must stand first. `patience`: how long a stage may take on AWS
 * until it counts as stuck. `tables` is no resource: the first crawl over delivered data fulfils it.
 */
export const STAGES = {
  bucket: { needs: [], patience: '5 minutes' },
  firehoseLogs: { needs: [], patience: '2 minutes' },
  studioLogs: { needs: [], patience: '2 minutes' },
  firehoseRole: { needs: [], patience: '5 minutes' },
  studioRole: { needs: [], patience: '5 minutes' },
  crawlerRole: { needs: [], patience: '5 minutes' },
  quicksightRole: { needs: [], patience: '5 minutes' },
  events: { needs: [], patience: '5 minutes' },
  playerMetrics: { needs: [], patience: '5 minutes' },
  teamMetrics: { needs: [], patience: '5 minutes' },
  leaderboards: { needs: [], patience: '5 minutes' },
  serverMetrics: { needs: [], patience: '5 minutes' },
  lateEvents: { needs: [], patience: '5 minutes' },
  flinkDatabase: { needs: [], patience: '2 minutes' },
  lakeDatabase: { needs: [], patience: '2 minutes' },
  eventsDelivery: { needs: ['events', 'bucket', 'firehoseRole', 'firehoseLogs'], patience: '10 minutes' },
  playerDelivery: { needs: ['playerMetrics', 'bucket', 'firehoseRole', 'firehoseLogs'], patience: '10 minutes' },
  teamDelivery: { needs: ['teamMetrics', 'bucket', 'firehoseRole', 'firehoseLogs'], patience: '10 minutes' },
  leaderboardDelivery: { needs: ['leaderboards', 'bucket', 'firehoseRole', 'firehoseLogs'], patience: '10 minutes' },
  serverDelivery: { needs: ['serverMetrics', 'bucket', 'firehoseRole', 'firehoseLogs'], patience: '10 minutes' },
  lateDelivery: { needs: ['lateEvents', 'bucket', 'firehoseRole', 'firehoseLogs'], patience: '10 minutes' },
  studio: {
    needs: [
      ...['flinkDatabase', 'studioRole', 'studioLogs', 'events'],
      ...['playerMetrics', 'teamMetrics', 'leaderboards', 'serverMetrics', 'lateEvents'],
    ],
    patience: '15 minutes',
  },
  crawler: { needs: ['lakeDatabase', 'crawlerRole', 'bucket'], patience: '5 minutes' },
  workgroup: { needs: ['bucket'], patience: '2 minutes' },
  questions: { needs: ['workgroup', 'lakeDatabase'], patience: '5 minutes' },
  auditTable: { needs: ['lakeDatabase'], patience: '2 minutes' },
  dataSource: { needs: ['workgroup', 'quicksightRole', 'lakeDatabase'], patience: '10 minutes' },
  views: { needs: ['tables', 'workgroup', 'lakeDatabase'], patience: '10 minutes' },
  players: { needs: ['dataSource', 'views'], patience: '5 minutes' },
  teams: { needs: ['dataSource', 'views'], patience: '5 minutes' },
  history: { needs: ['dataSource', 'views'], patience: '30 minutes' },
  audits: { needs: ['dataSource', 'auditTable'], patience: '5 minutes' },
  analysis: { needs: ['players', 'teams', 'history', 'audits'], patience: '10 minutes' },
  dashboard: { needs: ['players', 'teams', 'history', 'audits'], patience: '10 minutes' },
} as const satisfies Record<string, { needs: readonly string[]; patience: string }>;

export type Stage = keyof typeof STAGES;

/** Stages to bring up together, each with what it needs among them; plain data, handed to the workflow as input so that replays stay the same. */
export type Plan = { stage: Stage; needs: Stage[]; patience: string }[];

const all = Object.keys(STAGES) as Stage[];

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

/** The whole pipeline in the order of taking down: whatever needs a stage goes before it. */
export const everything = (): Plan => planOf(all);

/** What a take-down takes away: everything, or all but what holds data. */
export const removalPlan = (keepData: boolean): Plan => only(everything(), (stage) => !keepData || !HOLDS_DATA.includes(stage));

/** The stages that stand, by their `states`: what is ready or has drifted, and what was there before this run, whose `made` stages were not. */
export const standing = (states: Partial<Record<Stage, string>>, made: readonly Stage[]): Stage[] =>
  all.filter((stage) => ['ready', 'drifted'].includes(states[stage] ?? '') || (stage in states && !made.includes(stage)));
