import type { DashboardVersionDefinition } from '@aws-sdk/client-quicksight';

/** What is wrong, what makes the product's definition so, and how QuickSight says it: the type, the message, the path. */
export const BROKEN_DEFINITIONS: [string, (definition: DashboardVersionDefinition) => void, string, RegExp, string][] = [
  [
    'a data set that is not there',
    ({ DataSetIdentifierDeclarations: [first] = [] }) => {
      first!.DataSetArn += '-not';
    },
    'DATA_SET_NOT_FOUND',
    /players-not is not found/,
    'dataSetIdentifierDeclarations/players',
  ],
  [
    'a column that the data set lacks',
    ({ Sheets: [sheet] = [] }) => {
      sheet!.Visuals!.find(({ BarChartVisual: bar }) => bar)!.BarChartVisual!.ChartConfiguration!.FieldWells!
        .BarChartAggregatedFieldWells!.Category = [
        { CategoricalDimensionField: { FieldId: 'x', Column: { DataSetIdentifier: 'players', ColumnName: 'nick' } } },
      ];
    },
    'COLUMN_REPLACEMENT_MISSING',
    /no column 'nick'/,
    'sheets/live/visuals/player-deaths',
  ],
  [
    'field wells that are empty',
    ({ Sheets: [sheet] = [] }) => {
      sheet!.Visuals![0]!.KPIVisual!.ChartConfiguration = {};
    },
    'INTERNAL_FAILURE',
    /field wells are empty/,
    'sheets/live/visuals/kills-total',
  ],
  [
    'a calculated field that cannot be evaluated',
    ({ CalculatedFields: fields = [] }) => {
      fields[0]!.Expression = 'windowSum(sum({kills}), [{team} ASC], 1, 2)';
    },
    'INTERNAL_FAILURE',
    /'Kill ratio'/,
    'calculatedFields/Kill ratio',
  ],
  [
    'the sum of a text',
    ({ CalculatedFields: fields = [] }) => {
      fields[0]!.Expression = 'sum({team})';
    },
    'COLUMN_TYPE_MISMATCH',
    /takes numbers/,
    'calculatedFields/Kill ratio',
  ],
  [
    'a parameter that is not declared',
    ({ ParameterDeclarations: parameters = [] }) => {
      parameters.pop();
    },
    'PARAMETER_NOT_FOUND',
    /Every is not declared/,
    'sheets/live/parameterControls/every-control',
  ],
];
