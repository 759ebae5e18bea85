import type { FilterGroup } from '@aws-sdk/client-quicksight';
import { column } from './dashboard-fields.ts';

/** Beyond this many lines a chart tells players apart badly. */
export const LINES = 6;

/** What the sheet called `sheet` can be narrowed to: players, teams, a range of time; and the best players for the line chart. */
export function filterGroups(sheet: string): FilterGroup[] {
  const everywhere = { SelectedSheets: { SheetVisualScopingConfigurations: [{ SheetId: sheet, Scope: 'ALL_VISUALS' as const }] } };
  const anyOf = (id: string, name: string): FilterGroup => ({
    FilterGroupId: `${id}-group`,
    CrossDataset: 'ALL_DATASETS',
    Status: 'ENABLED',
    ScopeConfiguration: everywhere,
    Filters: [
      {
        CategoryFilter: {
          FilterId: id,
          Column: column('players', name),
          Configuration: { FilterListConfiguration: { MatchOperator: 'CONTAINS', SelectAllOptions: 'FILTER_ALL_VALUES' } },
        },
      },
    ],
  });
  return [
    anyOf('player', 'player_id'),
    anyOf('team', 'team'),
    {
      FilterGroupId: 'time-group',
      CrossDataset: 'ALL_DATASETS',
      Status: 'ENABLED',
      ScopeConfiguration: everywhere,
      Filters: [
        {
          TimeRangeFilter: {
            FilterId: 'time',
            Column: column('players', 'window_start'),
            NullOption: 'NON_NULLS_ONLY',
            IncludeMinimum: true,
            IncludeMaximum: true,
            TimeGranularity: 'MINUTE',
            RangeMinimumValue: { Parameter: 'From' },
            RangeMaximumValue: { Parameter: 'To' },
          },
        },
      ],
    },
    {
      FilterGroupId: 'top-players-group',
      CrossDataset: 'SINGLE_DATASET',
      Status: 'ENABLED',
      ScopeConfiguration: {
        SelectedSheets: { SheetVisualScopingConfigurations: [{ SheetId: sheet, Scope: 'SELECTED_VISUALS', VisualIds: ['player-ratio'] }] },
      },
      Filters: [
        {
          TopBottomFilter: {
            FilterId: 'top-players',
            Column: column('players', 'player_id'),
            Limit: LINES,
            AggregationSortConfigurations: [
              {
                Column: column('players', 'kills'),
                SortDirection: 'DESC',
                AggregationFunction: { NumericalAggregationFunction: { SimpleNumericalAggregation: 'SUM' } },
              },
            ],
          },
        },
      ],
    },
  ];
}
