import type {
  CategoryFilter,
  Filter,
  FilterGroup,
  TimeRangeFilter,
  TimeRangeFilterValue,
  TopBottomFilter,
} from '@aws-sdk/client-quicksight';
import { calculate, quoted, type Scope, timestamp } from './calculate.ts';
import { ExpressionError } from './expression.ts';
import { AGGREGATES, type Compiled } from './functions.ts';
import { type Chosen, type Names, parameterValues } from './scope.ts';

/** What the filters of a visual come to: conditions on rows, and the ranks within what these leave. */
export interface Conditions {
  rows: string[];
  /** Keep the rows whose `column` is among the `limit` first by `order`. */
  ranks: { column: string; limit: number; order: string }[];
}

/** The filter groups that reach a visual of `sheetId`. */
export const groupsFor = (groups: FilterGroup[] = [], sheetId: string, visualId: string): FilterGroup[] =>
  groups.filter(({ Status: status, ScopeConfiguration: scope }) => {
    if (status === 'DISABLED') return false;
    if (scope?.AllSheets) return true;
    return (scope?.SelectedSheets?.SheetVisualScopingConfigurations ?? []).some(
      (each) => each.SheetId === sheetId && (each.Scope === 'ALL_VISUALS' || (each.VisualIds ?? []).includes(visualId)),
    );
  });

/** Puts the filters of these groups into conditions on one data set; `chosen` are a viewer's values by filter. Throws ExpressionError. */
export function conditionsOf(
  names: Names,
  groups: FilterGroup[],
  dataSet: string,
  scope: Scope,
  chosen: { filters: Chosen; parameters: Chosen },
): Conditions {
  const conditions: Conditions = { rows: [], ranks: [] };
  for (const group of groups) {
    for (const filter of group.Filters ?? []) {
      const { CategoryFilter: category, TimeRangeFilter: time, TopBottomFilter: top } = filter;
      const { column } = aboutOf(filter);
      if (!reaches(group, column.DataSetIdentifier!, column.ColumnName!, dataSet, scope)) continue;
      const value = scope.column(column.ColumnName!);
      if (category) conditions.rows.push(...categories(names, category, value, scope, chosen));
      if (time) conditions.rows.push(...range(names, time, value, scope, chosen.parameters));
      if (top) conditions.ranks.push(rank(top, value, scope));
    }
  }
  return conditions;
}

/** A filter's id and column; throws on a kind of filter that is not evaluated here. */
export function aboutOf({ CategoryFilter: category, TimeRangeFilter: time, TopBottomFilter: top, ...others }: Filter) {
  const filter = category ?? time ?? top;
  if (!filter) throw new ExpressionError(`${Object.keys(others)[0]} is not one that the local QuickSight can evaluate`);
  return { id: filter.FilterId!, column: filter.Column! };
}

/** A group for all data sets filters each one that has a column of the same name. */
function reaches({ CrossDataset: cross }: FilterGroup, own: string, name: string, dataSet: string, scope: Scope): boolean {
  if (own === dataSet) return true;
  if (cross !== 'ALL_DATASETS') return false;
  try {
    scope.column(name);
    return true;
  } catch (error) {
    if (error instanceof ExpressionError && error.type === 'COLUMN_REPLACEMENT_MISSING') return false;
    throw error;
  }
}

function categories(
  names: Names,
  { FilterId: id = '', Configuration: configuration = {} }: CategoryFilter,
  { sql }: Compiled,
  { now }: Scope,
  chosen: { filters: Chosen; parameters: Chosen },
): string[] {
  const { FilterListConfiguration: list, CustomFilterListConfiguration: customList, CustomFilterConfiguration: custom } = configuration;
  const { MatchOperator: operator = 'EQUALS', SelectAllOptions: all, NullOption: nulls } = (list ?? customList ?? custom)!;
  const byParameter = custom?.ParameterName
    ? parameterValues(names, custom.ParameterName, chosen.parameters, now).map((value) => value.sql)
    : undefined;
  const byViewer = chosen.filters[id]?.map(quoted);
  const fixed = (list ?? customList)?.CategoryValues ?? (custom?.CategoryValue === undefined ? undefined : [custom.CategoryValue]);
  const values = byViewer ?? byParameter ?? (all ? undefined : fixed?.map(quoted));
  const conditions = nulls === 'NULLS_ONLY' ? [`${sql} IS NULL`] : nulls === 'NON_NULLS_ONLY' ? [`${sql} IS NOT NULL`] : [];
  if (values === undefined || (values.length === 0 && (all || byParameter))) return conditions;
  return [...conditions, matching(sql, operator, values)];
}

function matching(sql: string, operator: string, values: string[]): string {
  const list = values.length === 0 ? 'NULL' : values.join(', ');
  if (operator === 'STARTS_WITH') return `starts_with(${sql}, ${values[0]})`;
  if (operator === 'ENDS_WITH') return `${sql} LIKE concat('%', ${values[0]})`;
  return operator === 'DOES_NOT_EQUAL' || operator === 'DOES_NOT_CONTAIN' ? `${sql} NOT IN (${list})` : `${sql} IN (${list})`;
}

function range(names: Names, filter: TimeRangeFilter, { sql, type }: Compiled, scope: Scope, chosen: Chosen): string[] {
  if (type !== 'time') throw new ExpressionError(`filter ${filter.FilterId} wants a column of time`, 'COLUMN_TYPE_MISMATCH');
  const unit = filter.TimeGranularity && `'${filter.TimeGranularity.toLowerCase()}'`;
  const cut = (moment: string) => (unit ? `date_trunc(${unit}, ${moment})` : moment);
  const low = moment(names, filter.RangeMinimumValue, scope, chosen);
  const high = moment(names, filter.RangeMaximumValue, scope, chosen);
  const conditions = filter.NullOption === 'NULLS_ONLY' ? [`${sql} IS NULL`] : [];
  // Whole units: 'up to 18:05' takes in all of that minute.
  if (low)
    conditions.push(
      filter.IncludeMinimum || !unit
        ? `${sql} ${filter.IncludeMinimum ? '>=' : '>'} ${cut(low)}`
        : `${sql} >= date_add(${unit}, 1, ${cut(low)})`,
    );
  if (high)
    conditions.push(
      filter.IncludeMaximum && unit
        ? `${sql} < date_add(${unit}, 1, ${cut(high)})`
        : `${sql} ${filter.IncludeMaximum ? '<=' : '<'} ${cut(high)}`,
    );
  return conditions;
}

function moment(names: Names, value: TimeRangeFilterValue | undefined, scope: Scope, chosen: Chosen): string | undefined {
  if (!value) return undefined;
  if (value.StaticValue) return timestamp(value.StaticValue);
  if (value.RollingDate) return calculate(value.RollingDate.Expression!, scope).sql;
  const [set] = parameterValues(names, value.Parameter!, chosen, scope.now);
  if (set && set.type !== 'time') throw new ExpressionError(`parameter ${value.Parameter} is no moment`, 'PARAMETER_TYPE_INVALID');
  return set?.sql;
}

function rank(
  { Limit: limit = 10, AggregationSortConfigurations: [by] = [], FilterId: id }: TopBottomFilter,
  column: Compiled,
  scope: Scope,
) {
  if (!by) throw new ExpressionError(`filter ${id} does not say what the best are best in`);
  const measure = scope.column(by.Column!.ColumnName!);
  const {
    NumericalAggregationFunction: number,
    CategoricalAggregationFunction: word,
    DateAggregationFunction: date,
  } = by.AggregationFunction ?? {};
  const value = aggregated(measure, number?.SimpleNumericalAggregation ?? word ?? date);
  return { column: column.sql, limit, order: `${value.sql} ${by.SortDirection ?? 'DESC'}` };
}

const NAMES: Record<string, string> = { AVERAGE: 'avg' };

/** A column aggregated as a definition names it; what aggregates by itself stays as it is, and numbers are summed unless told otherwise. */
export function aggregated(column: Compiled, aggregation: string | undefined): Compiled {
  if (column.level === 'aggregate') return column;
  const name = aggregation ?? (column.type === 'number' ? 'SUM' : 'COUNT');
  const make = AGGREGATES[NAMES[name] ?? name.toLowerCase()];
  if (!make) throw new ExpressionError(`aggregation ${name} is not one that the local QuickSight can evaluate`);
  if (column.type !== 'number' && !['COUNT', 'DISTINCT_COUNT', 'MIN', 'MAX'].includes(name))
    throw new ExpressionError(`${name} cannot work on ${column.type}`, 'COLUMN_TYPE_MISMATCH');
  return { ...make([column]), level: 'aggregate' };
}
