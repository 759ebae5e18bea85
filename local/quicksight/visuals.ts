import type {
  AxisLabelOptions,
  ColumnIdentifier,
  DimensionField,
  FieldSortOptions,
  MeasureField,
  NumberFormatConfiguration,
  Visual,
  VisualPalette,
  VisualTitleLabelOptions,
} from '@aws-sdk/client-quicksight';

/** One field of a visual: a dimension has a `granularity` if it is of time, a measure an `aggregation` unless it aggregates by itself. */
export interface Field {
  id: string;
  role: 'category' | 'color' | 'trend' | 'value';
  measure: boolean;
  dataSet: string;
  column: string;
  granularity?: string;
  aggregation?: string;
  /** A calculated field's expression, written right where it is used. */
  expression?: string;
  label: string;
  decimals?: number;
}

/** What a definition's visual comes to, whatever its kind: the part that a query and a drawing are made from. */
export interface DrawnVisual {
  visualId: string;
  kind: 'kpi' | 'line' | 'bar' | 'table' | 'other';
  /** The member name in the definition, as `LineChartVisual`. */
  type: string;
  title: string;
  subtitle?: string;
  fields: Field[];
  sort: { field: string; direction: 'ASC' | 'DESC' }[];
  /** How many categories and colours are shown; more are left out. */
  limits: { category?: number; color?: number };
  /** Fixed colours of measures, by their label. */
  colors: Record<string, string>;
  valueLabel?: string;
  categoryLabel?: string;
  horizontal?: boolean;
  stacked?: boolean;
  area?: boolean;
  sparkline?: boolean;
}

/** Reads one visual; of a kind that is not drawn here, `fields` is empty and `kind` is 'other'. */
export function readVisual(visual: Visual): DrawnVisual {
  const { LineChartVisual: line, BarChartVisual: bar, KPIVisual: kpi, TableVisual: table } = visual;
  if (line) {
    const { FieldWells: wells, SortConfiguration: sort = {}, ...chart } = line.ChartConfiguration ?? {};
    const { Category, Values, Colors, SmallMultiples } = wells?.LineChartAggregatedFieldWells ?? {};
    const labels = labelled(chart.XAxisLabelOptions?.AxisLabelOptions, chart.PrimaryYAxisLabelOptions?.AxisLabelOptions);
    return {
      ...common('line', 'LineChartVisual', line),
      fields: [
        ...dimensions('category', Category, labels),
        ...dimensions('color', [...(Colors ?? []), ...(SmallMultiples ?? [])], labels),
        ...measures(Values, labels),
      ],
      sort: sorting(sort.CategorySort),
      limits: { category: sort.CategoryItemsLimitConfiguration?.ItemsLimit, color: sort.ColorItemsLimitConfiguration?.ItemsLimit },
      valueLabel: axisLabel(chart.PrimaryYAxisLabelOptions?.AxisLabelOptions),
      categoryLabel: axisLabel(chart.XAxisLabelOptions?.AxisLabelOptions),
      area: chart.Type === 'AREA' || chart.Type === 'STACKED_AREA',
      stacked: chart.Type === 'STACKED_AREA',
    };
  }
  if (bar) {
    const { FieldWells: wells, SortConfiguration: sort = {}, ...chart } = bar.ChartConfiguration ?? {};
    const { Category, Values, Colors, SmallMultiples } = wells?.BarChartAggregatedFieldWells ?? {};
    const labels = labelled(chart.CategoryLabelOptions?.AxisLabelOptions, chart.ValueLabelOptions?.AxisLabelOptions);
    const values = measures(Values, labels);
    return {
      ...common('bar', 'BarChartVisual', bar),
      colors: fieldColors(chart.VisualPalette, values),
      fields: [
        ...dimensions('category', Category, labels),
        ...dimensions('color', [...(Colors ?? []), ...(SmallMultiples ?? [])], labels),
        ...values,
      ],
      sort: sorting(sort.CategorySort),
      limits: { category: sort.CategoryItemsLimit?.ItemsLimit, color: sort.ColorItemsLimit?.ItemsLimit },
      valueLabel: axisLabel(chart.ValueLabelOptions?.AxisLabelOptions),
      categoryLabel: axisLabel(chart.CategoryLabelOptions?.AxisLabelOptions),
      horizontal: chart.Orientation === 'HORIZONTAL',
      stacked: chart.BarsArrangement !== undefined && chart.BarsArrangement !== 'CLUSTERED',
    };
  }
  if (kpi) {
    const { FieldWells: wells = {}, KPIOptions: options = {} } = kpi.ChartConfiguration ?? {};
    return {
      ...common('kpi', 'KPIVisual', kpi),
      fields: [...dimensions('trend', wells.TrendGroups, {}), ...measures([...(wells.Values ?? []), ...(wells.TargetValues ?? [])], {})],
      sparkline: options.Sparkline?.Visibility === 'VISIBLE',
    };
  }
  if (table) {
    const { FieldWells: wells = {}, FieldOptions: options, SortConfiguration: sort } = table.ChartConfiguration ?? {};
    const labels = Object.fromEntries((options?.SelectedFieldOptions ?? []).map((each) => [each.FieldId, each.CustomLabel]));
    const { GroupBy, Values } = wells.TableAggregatedFieldWells ?? {};
    return {
      ...common('table', 'TableVisual', table),
      fields: [...dimensions('category', GroupBy, labels), ...measures(Values, labels)],
      sort: sorting(sort?.RowSort),
    };
  }
  const [type = 'Visual', body] = Object.entries(visual).find(([, each]) => each !== undefined) ?? [];
  return common('other', type, body as Titled);
}

/** What a column is called where the definition does not say: `player_id` is `Player id`. */
export const columnLabel = (name: string): string => {
  const words = name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};

interface Titled {
  VisualId?: string;
  Title?: VisualTitleLabelOptions;
  Subtitle?: VisualTitleLabelOptions;
}

type Labels = Record<string, string | undefined>;

function common(kind: DrawnVisual['kind'], type: string, { VisualId: visualId = '', Title, Subtitle }: Titled = {}): DrawnVisual {
  return { visualId, kind, type, title: textOf(Title) ?? type, subtitle: textOf(Subtitle), fields: [], sort: [], limits: {}, colors: {} };
}

function textOf({ Visibility, FormatText }: VisualTitleLabelOptions = {}): string | undefined {
  if (Visibility === 'HIDDEN') return undefined;
  return FormatText?.PlainText ?? FormatText?.RichText?.replace(/<[^>]*>/g, '');
}

const sorting = (options: FieldSortOptions[] = []): DrawnVisual['sort'] =>
  options.flatMap(({ FieldSort }) => (FieldSort ? [{ field: FieldSort.FieldId!, direction: FieldSort.Direction! }] : []));

const axisLabel = (options: AxisLabelOptions[] = []) => options.find(({ ApplyTo }) => !ApplyTo)?.CustomLabel;

/** Labels that the axes give to single fields. */
const labelled = (...axes: (AxisLabelOptions[] | undefined)[]): Labels =>
  Object.fromEntries(
    axes.flatMap((options = []) =>
      options.filter(({ ApplyTo }) => ApplyTo).map(({ ApplyTo, CustomLabel }) => [ApplyTo!.FieldId, CustomLabel]),
    ),
  );

function dimensions(role: Field['role'], fields: DimensionField[] = [], labels: Labels): Field[] {
  return fields.map(({ CategoricalDimensionField: word, DateDimensionField: date, NumericalDimensionField: number }) => {
    const field = word ?? date ?? number;
    return { ...named(role, false, field, labels), granularity: date ? (date.DateGranularity ?? 'DAY') : undefined };
  });
}

function measures(fields: MeasureField[] = [], labels: Labels): Field[] {
  return fields.map(
    ({ NumericalMeasureField: number, CategoricalMeasureField: word, DateMeasureField: date, CalculatedMeasureField: calculated }) => {
      if (calculated) return { ...named('value', true, { FieldId: calculated.FieldId }, labels), expression: calculated.Expression };
      const field = number ?? word ?? date;
      const aggregation = number ? number.AggregationFunction?.SimpleNumericalAggregation : (word ?? date)?.AggregationFunction;
      return { ...named('value', true, field, labels), aggregation, decimals: decimalsOf(number?.FormatConfiguration) };
    },
  );
}

const named = (
  role: Field['role'],
  measure: boolean,
  field: { FieldId?: string; Column?: ColumnIdentifier } | undefined,
  labels: Labels,
): Field => {
  const { FieldId: id = '', Column: column } = field ?? {};
  const name = column?.ColumnName ?? '';
  return { id, role, measure, dataSet: column?.DataSetIdentifier ?? '', column: name, label: labels[id] ?? columnLabel(name) };
};

const fieldColors = ({ ColorMap: map = [] }: VisualPalette = {}, values: Field[]) =>
  Object.fromEntries(
    map.flatMap(({ Element: element, Color: color }) =>
      values.filter(({ id }) => id === element?.FieldId).map(({ label }) => [label, color!]),
    ),
  );

const decimalsOf = (format: NumberFormatConfiguration | undefined) =>
  format?.FormatConfiguration?.NumberDisplayFormatConfiguration?.DecimalPlacesConfiguration?.DecimalPlaces;
