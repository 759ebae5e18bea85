import type { DashboardVersionDefinition, InputColumn, SheetDefinition, Visual } from '@aws-sdk/client-quicksight';
import { AUDIT_COLUMNS } from './audit.ts';
import { column, word } from './dashboard-fields.ts';
import { filterGroups, LINES } from './dashboard-filters.ts';
import { liveMinutes, timeOfWindow } from './dashboard-time.ts';
import { account, deaths, history, kills, latest, leaders, objectives, players, ratioOverTime, teams } from './dashboard-visuals.ts';
import { names } from './names.ts';
import type { Pipeline } from './spec.ts';

const SHEET = 'live';

/** The dashboard as QuickSight defines it; the same object serves CreateDashboard and CreateAnalysis. Pure data, equal for equal pipelines. */
export function dashboardDefinition(pipeline: Pipeline): DashboardVersionDefinition {
  const { dataSetArn } = names(pipeline);
  const live = sheet(pipeline);
  return {
    DataSetIdentifierDeclarations: (['players', 'teams', 'history', 'audits'] as const).map((name) => ({
      Identifier: name,
      DataSetArn: dataSetArn(name),
    })),
    ParameterDeclarations: [
      {
        DateTimeParameterDeclaration: {
          Name: 'From',
          TimeGranularity: 'MINUTE',
          DefaultValues: { RollingDate: { Expression: `addDateTime(-${liveMinutes(pipeline)}, 'MI', truncDate('MI', now()))` } },
        },
      },
      {
        DateTimeParameterDeclaration: {
          Name: 'To',
          TimeGranularity: 'MINUTE',
          DefaultValues: { RollingDate: { Expression: "addDateTime(1, 'DD', truncDate('DD', now()))" } },
        },
      },
      { StringParameterDeclaration: { Name: 'Every', ParameterValueType: 'SINGLE_VALUED', DefaultValues: { StaticValues: ['Window'] } } },
    ],
    CalculatedFields: [
      ...(['players', 'teams', 'history'] as const).map((name) => ({ DataSetIdentifier: name, Name: 'Kill ratio', Expression: RATIO })),
      ...(['players', 'teams'] as const).map((name) => ({ DataSetIdentifier: name, Name: 'Time', Expression: timeOfWindow(pipeline) })),
    ],
    ColumnConfigurations: (['players', 'teams', 'history'] as const).map((name) => ({
      Column: column(name, 'team'),
      ColorsConfiguration: { CustomColors: TEAM_COLORS },
    })),
    FilterGroups: filterGroups(live),
    Sheets: [live],
  };
}

/** Of sums, never a mean of ratios; who has not died yet counts as having died once. */
const RATIO = 'sum({kills}) / ifelse(sum({deaths}) = 0, 1, sum({deaths}))';

/** Told apart by all kinds of colour vision (Okabe and Ito). */
const TEAM_COLORS = [
  { FieldValue: 'red', Color: '#D55E00' },
  { FieldValue: 'blue', Color: '#0072B2' },
];

function sheet(pipeline: Pipeline): SheetDefinition {
  const visuals: [Visual, { at: [column: number, row: number]; size: [columns: number, rows: number] }][] = [
    [kills, { at: [0, 0], size: [9, 5] }],
    [players, { at: [9, 0], size: [9, 5] }],
    [latest, { at: [18, 0], size: [18, 5] }],
    [
      ratioOverTime(
        'player-ratio',
        ['Kill ratio by player', `The ${LINES} players with the most kills`],
        'players',
        word('player-ratio-player', 'players', 'player_id'),
      ),
      { at: [0, 5], size: [24, 16] },
    ],
    [deaths, { at: [24, 5], size: [12, 16] }],
    [teams, { at: [0, 21], size: [9, 13] }],
    [objectives, { at: [9, 21], size: [9, 13] }],
    [
      ratioOverTime('team-ratio', ['Kill ratio by team', 'Kills for each death'], 'teams', word('team-ratio-team', 'teams', 'team')),
      { at: [18, 21], size: [18, 13] },
    ],
    [history(pipeline), { at: [0, 34], size: [24, 13] }],
    [leaders, { at: [24, 34], size: [12, 13] }],
    [account, { at: [0, 47], size: [36, 8] }],
  ];
  return {
    SheetId: SHEET,
    Name: 'Live',
    Visuals: visuals.map(([visual]) => visual),
    FilterControls: [
      { Dropdown: { FilterControlId: 'player-control', Title: 'Player', SourceFilterId: 'player', Type: 'MULTI_SELECT' } },
      { Dropdown: { FilterControlId: 'team-control', Title: 'Team', SourceFilterId: 'team', Type: 'MULTI_SELECT' } },
    ],
    ParameterControls: [
      { DateTimePicker: { ParameterControlId: 'from-control', Title: 'From', SourceParameterName: 'From' } },
      { DateTimePicker: { ParameterControlId: 'to-control', Title: 'To', SourceParameterName: 'To' } },
      {
        Dropdown: {
          ParameterControlId: 'every-control',
          Title: 'A point every',
          SourceParameterName: 'Every',
          Type: 'SINGLE_SELECT',
          SelectableValues: { Values: ['Window', 'Minute', 'Hour', 'Day'] },
        },
      },
    ],
    SheetControlLayouts: [
      {
        Configuration: {
          GridLayout: {
            Elements: [
              { ElementId: 'player-control', ElementType: 'FILTER_CONTROL', ColumnSpan: 2, RowSpan: 1 },
              { ElementId: 'team-control', ElementType: 'FILTER_CONTROL', ColumnSpan: 2, RowSpan: 1 },
              { ElementId: 'from-control', ElementType: 'PARAMETER_CONTROL', ColumnSpan: 2, RowSpan: 1 },
              { ElementId: 'to-control', ElementType: 'PARAMETER_CONTROL', ColumnSpan: 2, RowSpan: 1 },
              { ElementId: 'every-control', ElementType: 'PARAMETER_CONTROL', ColumnSpan: 2, RowSpan: 1 },
            ],
          },
        },
      },
    ],
    Layouts: [
      {
        Configuration: {
          GridLayout: {
            Elements: visuals.map(([visual, { at, size }]) => ({
              ElementId: Object.values(visual)[0].VisualId,
              ElementType: 'VISUAL',
              ColumnIndex: at[0],
              RowIndex: at[1],
              ColumnSpan: size[0],
              RowSpan: size[1],
            })),
          },
        },
      },
    ],
  };
}

/** The data sets of a pipeline; their names are also the identifiers that the definition knows them by. */
export type DataSetName = 'players' | 'teams' | 'history' | 'audits';

/** One data set: `file` lies in `sql/quicksight/` and wants `${database}` filled in (whoever creates the data set reads it). */
export interface DataSetPlan {
  file: string;
  columns: InputColumn[];
  importMode: 'DIRECT_QUERY' | 'SPICE';
}

const WINDOW: InputColumn[] = [
  { Name: 'window_start', Type: 'DATETIME' },
  { Name: 'window_end', Type: 'DATETIME' },
];
const TEAM: InputColumn = { Name: 'team', Type: 'STRING' };
const COUNTS: InputColumn[] = [
  { Name: 'kills', Type: 'INTEGER' },
  { Name: 'deaths', Type: 'INTEGER' },
];

const SCORES: InputColumn[] = [
  { Name: 'points', Type: 'INTEGER' },
  { Name: 'matches_won', Type: 'INTEGER' },
];

/**
 * What the dashboard reads: the last audit and the metrics of the last day straight from Athena, at each look of a viewer and for every visual, and the metrics' history of
 * the last month from SPICE, by the minute while it is short, by the hour, or by the day.
 */
export const dataSets = (_pipeline: Pipeline): Record<DataSetName, DataSetPlan> => ({
  players: {
    file: 'players.sql',
    importMode: 'DIRECT_QUERY',
    columns: [...WINDOW, { Name: 'player_id', Type: 'STRING' }, TEAM, ...COUNTS],
  },
  teams: { file: 'teams.sql', importMode: 'DIRECT_QUERY', columns: [...WINDOW, TEAM, ...COUNTS, ...SCORES] },
  history: { file: 'history.sql', importMode: 'SPICE', columns: [WINDOW[0]!, TEAM, ...COUNTS] },
  // Its times are text: a dashboard is as fresh as the times of its live data, and an audit's are not theirs.
  audits: {
    file: 'audits.sql',
    importMode: 'DIRECT_QUERY',
    columns: Object.entries(AUDIT_COLUMNS).map(([Name, type]) => ({ Name, Type: type === 'string' ? 'STRING' : 'INTEGER' })),
  },
});
