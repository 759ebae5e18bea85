import type { FilterGroup, InputColumn } from '@aws-sdk/client-quicksight';
import { calculate, type Scope } from './calculate.ts';
import { ExpressionError } from './expression.ts';
import { aggregated, conditionsOf } from './filters.ts';
import type { Compiled } from './functions.ts';
import { type Chosen, type Names, scopeOf } from './scope.ts';
import type { DrawnVisual, Field } from './visuals.ts';

/** What a visual's query is made from, besides the visual. */
export interface Question {
  names: Names;
  groups: FilterGroup[];
  columns: InputColumn[];
  chosen: { filters: Chosen; parameters: Chosen };
  now: Date;
}

/** A visual's query in Athena's dialect over a table called `source`: its columns are the visual's fields in their order. */
export interface VisualQuery {
  sql: string;
  /** More rows than this are not shown, or more values of the X axis where there is one; the query asks for one more, to tell. */
  limit: number;
  /** The column of the X axis. */
  axis?: number;
  /** The rows come newest first. */
  reversed: boolean;
}

/** As QuickSight: how many values of the X axis, bars or rows a visual shows at most, and of the X axis of a line chart whose lines have a colour field. */
const MOST = { kpi: 200, line: 10_000, bar: 2_500, table: 1_000, other: 0 };
const MOST_COLORED = 200;
const COLORS = 25;

/** Makes the query of one visual; throws ExpressionError with what in it cannot be asked. */
export function compileVisual(visual: DrawnVisual, question: Question): VisualQuery {
  const dataSet = dataSetOf(visual);
  const scope = scopeOf(question.names, dataSet, question.columns, question.chosen.parameters, question.now);
  const fields = visual.fields.map((field) => compileField(field, scope));
  const place = (field: Field) => visual.fields.indexOf(field) + 1;
  const dimensions = visual.fields.filter(({ measure }) => !measure);
  const { rows, ranks } = conditionsOf(question.names, question.groups, dataSet, scope, question.chosen);

  const limits = ranks.map(({ column, limit, order }) => best(column, limit, order));
  const [main] = visual.fields.flatMap(({ measure }, i) => (measure ? [fields[i]!.sql] : []));
  for (const role of ['category', 'color'] as const) {
    const limit = visual.limits[role] ?? (role === 'color' ? COLORS : undefined);
    const field = dimensions.find((each) => each.role === role && !each.granularity);
    if (limit === undefined || !field || !main || (role === 'category' && dimensions.length === 1)) continue;
    limits.push(best(fields[place(field) - 1]!.sql, limit, `${main} DESC`));
  }

  const time = dimensions.find(({ granularity, role }) => granularity && role !== 'color');
  const axis = visual.kind === 'line' ? visual.fields.findIndex(({ role }) => role === 'category') : -1;
  const colors = dimensions.filter(({ role }) => role === 'color').length;
  const only =
    dimensions.length === 1 || (axis >= 0 && time) ? (visual.limits.category ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  const limit = Math.min(axis >= 0 && colors > 0 ? MOST_COLORED : MOST[visual.kind], only);
  // A KPI shows the newest; all else the first, which of time is the oldest unless it is sorted otherwise.
  const reversed = visual.kind === 'kpi' && time !== undefined;
  const others = dimensions.filter((field) => field !== time).map(place);
  const order = reversed
    ? [`${place(time)} DESC`, ...others]
    : [
        ...visual.sort.map(({ field, direction }) => `${visual.fields.findIndex(({ id }) => id === field) + 1} ${direction}`),
        ...(time ? [place(time)] : []),
        ...others,
      ];
  const rowsAsked = (limit === only ? limit : limit + 1) * (axis >= 0 ? Math.max(COLORS, visual.limits.color ?? 0) ** colors : 1);
  const select = fields.map(({ sql }, i) => `  ${sql} AS c${i}`).join(',\n');
  const sql = [
    `WITH kept AS (\n  SELECT * FROM source${where(rows, '  ')}\n)`,
    `SELECT\n${select}\nFROM kept${where(limits, '')}`,
    dimensions.length > 0 ? `GROUP BY ${dimensions.map(place).join(', ')}` : '',
    dimensions.length > 0 ? `ORDER BY ${order.join(', ')}\nLIMIT ${rowsAsked}` : '',
  ];
  return { sql: sql.filter((part) => part !== '').join('\n'), limit, ...(axis >= 0 && { axis }), reversed };
}

/** The data set a visual asks; throws where its fields are of none or of several. */
export function dataSetOf({ fields }: DrawnVisual): string {
  const [dataSet, another] = new Set(fields.filter(({ expression }) => expression === undefined).map((field) => field.dataSet));
  if (!dataSet) throw new ExpressionError('its field wells are empty');
  if (another) throw new ExpressionError(`its fields are of several data sets: ${dataSet}, ${another}`);
  return dataSet;
}

function compileField(field: Field, scope: Scope): Compiled {
  if (field.expression !== undefined) return calculate(field.expression, scope);
  const column = scope.column(field.column);
  if (field.measure) return aggregated(column, field.aggregation);
  if (column.level === 'aggregate') throw new ExpressionError(`'${field.column}' is aggregated and cannot group`, 'COLUMN_TYPE_MISMATCH');
  if (!field.granularity) return column;
  if (column.type !== 'time') throw new ExpressionError(`'${field.column}' is no column of time`, 'COLUMN_TYPE_MISMATCH');
  return { ...column, sql: `date_trunc('${field.granularity.toLowerCase()}', ${column.sql})` };
}

const best = (column: string, limit: number, order: string) =>
  `${column} IN (SELECT ${column} FROM kept GROUP BY 1 ORDER BY ${order}, 1 LIMIT ${limit})`;

const where = (conditions: string[], indent: string) =>
  conditions.length === 0 ? '' : `\n${indent}WHERE ${conditions.join(`\n${indent}  AND `)}`;
