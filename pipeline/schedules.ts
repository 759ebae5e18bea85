/** The questions of `sql/athena/`, each a file of that name. */
export const QUESTIONS = [
  'kills_total',
  'leaderboard',
  'pipeline_counts',
  'pipeline_operations',
  'player_deaths',
  'player_form',
  'player_kill_ratio',
  'player_ratio_over_time',
  'retention',
  'server_operations',
  'team_performance',
  'windows_wrong',
] as const;

/** The data sets that are kept in SPICE, and so have to be loaded anew to show what came since. */
export const REFRESHED = ['history'] as const;

/** Everything that has a schedule of its own. */
export const SCHEDULED = ['crawl', ...QUESTIONS, ...REFRESHED, 'audit'] as const;

/** What Temporal does with a run that falls due while the one before still goes; Temporal's names. */
export const OVERLAPS = ['skip', 'buffer one', 'buffer all', 'cancel other', 'terminate other', 'allow all'] as const;

/** How often QuickSight lets a data set be loaded within 24 hours, by edition. */
export const REFRESHES_A_DAY = { enterprise: 32, standard: 8 };
