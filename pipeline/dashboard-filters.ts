import type { FilterGroup, SheetDefinition } from '@aws-sdk/client-quicksight';
import { column } from './dashboard-fields.ts';
import { HISTORY_VISUAL } from './dashboard-visuals.ts';

/** Beyond this many lines a chart tells players apart badly. */
export const LINES = 6;

/** What a sheet can be narrowed to: players, teams, and but for the history, which is of the last month, a range of time; and the best players for the line chart. */
export function filterGroups({ SheetId, Visuals = [] }: SheetDefinition): FilterGroup[] {
  const everywhere = { SelectedSheets: { SheetVisualScopingConfigurations: [{ SheetId, Scope: 'ALL_VISUALS' as const }] } };
  const only = (VisualIds: string[]) => ({
    SelectedSheets: { SheetVisualScopingConfigurations: [{ SheetId, Scope: 'SELECTED_VISUALS' as const, VisualIds }] },
  });
  const live = Visuals.map((visual) => Object.values(visual)[0].VisualId as string).filter((id) => id !== HISTORY_VISUAL);
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
      ScopeConfiguration: only(live),
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
      ScopeConfiguration: only(['player-ratio']),
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
