import type { DimensionField, Visual } from '@aws-sdk/client-quicksight';
import { column, date, NO_LABEL, ratio, title, total, word } from './dashboard-fields.ts';
import type { Pipeline } from './spec.ts';
import { fillsMinutes, MONTH_DAYS } from './windows.ts';

/** The KPI that sums the kills of the chosen range; the check of the whole chain reads it. */
export const KILLS_VISUAL = 'kills-total';

/** The line chart that has a range of time of its own. */
export const HISTORY_VISUAL = 'history';

const BARS = 15;

/** All kills of the chosen range. */
export const kills: Visual = {
  KPIVisual: {
    VisualId: KILLS_VISUAL,
    Title: title('Kills'),
    ChartConfiguration: { FieldWells: { Values: [total('kills-kills', 'players', 'kills')] } },
  },
};

/** How many players were seen. */
export const players: Visual = {
  KPIVisual: {
    VisualId: 'players',
    Title: title('Players'),
    ChartConfiguration: {
      FieldWells: {
        Values: [
          {
            CategoricalMeasureField: {
              FieldId: 'players-players',
              Column: column('players', 'player_id'),
              AggregationFunction: 'DISTINCT_COUNT',
            },
          },
        ],
      },
    },
  },
};

/** The newest window against the one before, with the way there as a sparkline. */
export const latest: Visual = {
  KPIVisual: {
    VisualId: 'latest',
    Title: title('Kills in the latest window'),
    ChartConfiguration: {
      FieldWells: {
        Values: [total('latest-kills', 'players', 'kills')],
        TrendGroups: [date('latest-time', 'players', 'window_start', 'SECOND')],
      },
      KPIOptions: {
        Comparison: { ComparisonMethod: 'PERCENT_DIFFERENCE' },
        PrimaryValueDisplayType: 'ACTUAL',
        Sparkline: { Visibility: 'VISIBLE', Type: 'AREA' },
      },
    },
  },
};

/** Kill ratio as a line over time, one line for each value of `color`. */
export const ratioOverTime = (
  VisualId: string,
  [text, subtitle]: [string, string],
  dataSet: 'players' | 'teams',
  color: DimensionField,
): Visual => ({
  LineChartVisual: {
    VisualId,
    Title: title(text),
    Subtitle: title(subtitle),
    ChartConfiguration: {
      Type: 'LINE',
      FieldWells: {
        LineChartAggregatedFieldWells: {
          Category: [date(`${VisualId}-time`, dataSet, 'Time', 'SECOND')],
          Values: [ratio(`${VisualId}-ratio`, dataSet)],
          Colors: [color],
        },
      },
      XAxisLabelOptions: NO_LABEL,
      PrimaryYAxisLabelOptions: { AxisLabelOptions: [{ CustomLabel: 'Kills per death' }] },
    },
  },
});

/** Who dies most. */
export const deaths: Visual = {
  BarChartVisual: {
    VisualId: 'player-deaths',
    Title: title('Deaths by player'),
    Subtitle: title(`The ${BARS} players who died most`),
    ChartConfiguration: {
      Orientation: 'HORIZONTAL',
      BarsArrangement: 'CLUSTERED',
      FieldWells: {
        BarChartAggregatedFieldWells: {
          Category: [word('player-deaths-player', 'players', 'player_id')],
          Values: [total('player-deaths-deaths', 'players', 'deaths')],
        },
      },
      SortConfiguration: {
        CategorySort: [{ FieldSort: { FieldId: 'player-deaths-deaths', Direction: 'DESC' } }],
        CategoryItemsLimit: { ItemsLimit: BARS, OtherCategories: 'EXCLUDE' },
      },
      CategoryLabelOptions: NO_LABEL,
      ValueLabelOptions: { AxisLabelOptions: [{ CustomLabel: 'Deaths' }] },
    },
  },
};

/** Kills and deaths, team by team. */
export const teams: Visual = {
  BarChartVisual: {
    VisualId: 'team-performance',
    Title: title('Team performance'),
    Subtitle: title('Kills and deaths in the chosen range'),
    ChartConfiguration: {
      Orientation: 'VERTICAL',
      BarsArrangement: 'CLUSTERED',
      FieldWells: {
        BarChartAggregatedFieldWells: {
          Category: [word('team-performance-team', 'teams', 'team')],
          Values: [total('team-performance-kills', 'teams', 'kills'), total('team-performance-deaths', 'teams', 'deaths')],
        },
      },
      // Not the teams' own colours.
      VisualPalette: {
        ColorMap: [
          { Element: { FieldId: 'team-performance-kills' }, Color: '#009E73' },
          { Element: { FieldId: 'team-performance-deaths' }, Color: '#CC79A7' },
        ],
      },
      CategoryLabelOptions: NO_LABEL,
    },
  },
};

/** What teams reach besides kills. */
export const objectives: Visual = {
  BarChartVisual: {
    VisualId: 'team-objectives',
    Title: title('Objectives and wins'),
    Subtitle: title('Points of objectives, and matches won, in the chosen range'),
    ChartConfiguration: {
      Orientation: 'VERTICAL',
      BarsArrangement: 'CLUSTERED',
      FieldWells: {
        BarChartAggregatedFieldWells: {
          Category: [word('team-objectives-team', 'teams', 'team')],
          Values: [total('team-objectives-points', 'teams', 'points'), total('team-objectives-won', 'teams', 'matches_won')],
        },
      },
      CategoryLabelOptions: NO_LABEL,
    },
  },
};

/** The long view, from SPICE; its data set has no more points than a line chart may have. */
export const history = (pipeline: Pipeline): Visual => ({
  LineChartVisual: {
    VisualId: HISTORY_VISUAL,
    Title: title('Kills, history'),
    Subtitle: title(
      `The last ${MONTH_DAYS} days, by the ${fillsMinutes(pipeline) ? 'minute' : 'window'}, hour or day; from SPICE, refreshed on schedule`,
    ),
    ChartConfiguration: {
      Type: 'LINE',
      FieldWells: {
        LineChartAggregatedFieldWells: {
          Category: [date('history-time', 'history', 'window_start', fillsMinutes(pipeline) ? 'MINUTE' : 'SECOND')],
          Values: [total('history-kills', 'history', 'kills')],
          Colors: [word('history-team', 'history', 'team')],
        },
      },
      XAxisLabelOptions: NO_LABEL,
      PrimaryYAxisLabelOptions: { AxisLabelOptions: [{ CustomLabel: 'Kills' }] },
    },
  },
});

/** Every player, best first. */
export const leaders: Visual = {
  TableVisual: {
    VisualId: 'leaders',
    Title: title('Players by kills'),
    ChartConfiguration: {
      FieldWells: {
        TableAggregatedFieldWells: {
          GroupBy: [word('leaders-player', 'players', 'player_id')],
          Values: [
            total('leaders-kills', 'players', 'kills'),
            total('leaders-deaths', 'players', 'deaths'),
            ratio('leaders-ratio', 'players'),
          ],
        },
      },
      SortConfiguration: { RowSort: [{ FieldSort: { FieldId: 'leaders-kills', Direction: 'DESC' } }] },
      FieldOptions: {
        SelectedFieldOptions: [
          { FieldId: 'leaders-player', CustomLabel: 'Player' },
          { FieldId: 'leaders-kills', CustomLabel: 'Kills' },
          { FieldId: 'leaders-deaths', CustomLabel: 'Deaths' },
        ],
      },
    },
  },
};

const ACCOUNTED = [
  ['generated', 'Generated'],
  ['acknowledged', 'Acknowledged'],
  ['in_stream', 'In the stream'],
  ['in_s3', 'In S3'],
  ['in_athena', 'In Athena'],
  ['lost', 'Lost'],
  ['duplicates', 'Duplicates'],
  ['windows_checked', 'Windows checked'],
  ['windows_wrong', 'Windows wrong'],
  ['faults', 'Faults'],
] as const;

/** What the last audit counted where, and what of it does not agree. */
export const account: Visual = {
  TableVisual: {
    VisualId: 'account',
    Title: title('Account of the events'),
    Subtitle: title('What the last audit found of what was generated (UTC); no fault: every event is everywhere, once'),
    ChartConfiguration: {
      FieldWells: {
        TableAggregatedFieldWells: {
          GroupBy: [word('account-at', 'audits', 'audited_at'), word('account-since', 'audits', 'counted_since')],
          Values: ACCOUNTED.map(([name]) => total(`account-${name}`, 'audits', name)),
        },
      },
      FieldOptions: {
        SelectedFieldOptions: [
          { FieldId: 'account-at', CustomLabel: 'Audited at' },
          { FieldId: 'account-since', CustomLabel: 'Events since' },
          ...ACCOUNTED.map(([name, CustomLabel]) => ({ FieldId: `account-${name}`, CustomLabel })),
        ],
      },
    },
  },
};
