import type { FilterGroup } from '@aws-sdk/client-quicksight';
import type { Aws } from '../aws.ts';
import { ask } from './ask.ts';
import { type DataSet, ingestions } from './assets.ts';
import { compileVisual, dataSetOf, type VisualQuery } from './compile.ts';
import { quotedName, sourceQuery } from './data-sets.ts';
import { groupsFor } from './filters.ts';
import type { Chosen } from './scope.ts';
import { type Definition, declaredDataSets } from './validate.ts';
import { type DrawnVisual, readVisual } from './visuals.ts';

/** A cell: times are ISO 8601 in UTC. */
export type Cell = string | number | boolean | null;

/** What one visual shows now: one column for each of its fields. */
export interface VisualData {
  visualId: string;
  sheetId: string;
  title: string;
  columns: { fieldId: string; label: string }[];
  rows: Cell[][];
  dataSet: string;
  importMode: 'DIRECT_QUERY' | 'SPICE';
  milliseconds: number;
  /** The query that was asked, in Athena's dialect over the data set as `source`. */
  sql?: string;
  /** There was more than the visual may show: of a KPI these are the newest, else the first in its order, which of time are the oldest. */
  truncated?: boolean;
  /** Of SPICE: when it was loaded. */
  loaded?: string;
  /** Why it has no rows, in words. */
  error?: string;
}

/** What the dashboard shows now. `asOf` is the newest moment that the live data sets know of, undefined while they are empty. */
export interface DashboardData {
  asOf?: string;
  lagSeconds?: number;
  visuals: VisualData[];
}

/** A viewer's choices, by filter and by parameter. */
export interface Choices {
  filters: Chosen;
  parameters: Chosen;
}

/** Asks everything that the visuals of a definition show under these choices. */
export async function loadDashboard(aws: Aws, definition: Definition, chosen: Choices): Promise<DashboardData> {
  const sets = declaredDataSets(aws, definition);
  const visuals = (definition.Sheets ?? []).flatMap(({ SheetId: sheetId = '', Visuals = [] }) =>
    Visuals.map((each) => ({ sheetId, visual: readVisual(each) })),
  );
  const [asOf, ...data] = await Promise.all([
    newest(aws, [...sets.values()]),
    ...visuals.map(({ sheetId, visual }) => loadVisual(aws, definition, sets, sheetId, visual, chosen)),
  ]);
  return {
    asOf: asOf?.toISOString(),
    lagSeconds: asOf && Math.max(0, Math.round((aws.now() - asOf.getTime()) / 1000)),
    visuals: data.filter((each) => each !== undefined),
  };
}

/** The values a filter's column has, in order: what a control offers. */
export async function valuesOf(aws: Aws, set: Readonly<DataSet>, column: string): Promise<string[]> {
  if (set.importMode === 'SPICE' && !set.spice) return [];
  const name = quotedName(column);
  const { rows } = await ask(
    aws,
    set,
    `WITH kept AS (SELECT * FROM source)\nSELECT DISTINCT ${name} FROM kept WHERE ${name} IS NOT NULL ORDER BY 1 LIMIT 1000`,
  );
  return rows.map(([value]) => String(value)).sort(new Intl.Collator('en', { numeric: true }).compare);
}

async function loadVisual(
  aws: Aws,
  definition: Definition,
  sets: Map<string, Readonly<DataSet> | undefined>,
  sheetId: string,
  visual: DrawnVisual,
  chosen: Choices,
): Promise<VisualData | undefined> {
  if (visual.kind === 'other') return undefined;
  const begin = performance.now();
  const columns = visual.fields.map(({ id, label }) => ({ fieldId: id, label }));
  const data: VisualData = {
    visualId: visual.visualId,
    sheetId,
    title: visual.title,
    columns,
    rows: [],
    dataSet: '',
    importMode: 'DIRECT_QUERY',
    milliseconds: 0,
  };
  try {
    data.dataSet = dataSetOf(visual);
    const set = sets.get(data.dataSet);
    if (!set) throw new Error(`The data set '${data.dataSet}' is not there.`);
    data.importMode = set.importMode;
    data.loaded = set.spice?.ingested.toISOString();
    const groups: FilterGroup[] = groupsFor(definition.FilterGroups, sheetId, visual.visualId);
    const now = new Date(Math.floor(aws.now() / 1000) * 1000);
    const query = compileVisual(visual, { names: definition, groups, columns: sourceQuery(set).columns, chosen, now });
    data.sql = query.sql;
    if (set.importMode === 'SPICE' && !set.spice) throw new Error(notLoaded(aws, set.id));
    const { rows } = await ask(aws, set, query.sql);
    const kept = shownOf(rows, query);
    data.truncated = kept.length < rows.length || undefined;
    const shown = kept.map((row) => row.map((cell, i) => readCell(cell, visual.fields[i]!.measure)));
    data.rows = query.reversed ? shown.reverse() : shown;
  } catch (error) {
    data.error = (error as Error).message;
  }
  data.milliseconds = Math.round(performance.now() - begin);
  return data;
}

/** The rows that a visual shows of those that were asked for: the first ones, or those at the first values of its X axis. */
function shownOf<Row extends unknown[]>(rows: Row[], { limit, axis }: Pick<VisualQuery, 'limit' | 'axis'>): Row[] {
  if (axis === undefined) return rows.slice(0, limit);
  const values = new Set<unknown>();
  return rows.filter((row) => {
    if (values.size < limit) values.add(row[axis]);
    return values.has(row[axis]);
  });
}

/** The newest moment in any column of time of the live data sets; undefined while they are empty or cannot be asked. */
async function newest(aws: Aws, sets: (Readonly<DataSet> | undefined)[]): Promise<Date | undefined> {
  const live = sets.filter((set) => set?.importMode === 'DIRECT_QUERY').filter((set) => set !== undefined);
  const answers = await Promise.allSettled(
    live.map(async (set) => {
      const times = sourceQuery(set).columns.filter(({ Type }) => Type === 'DATETIME');
      if (times.length === 0) return [];
      const list = times.map(({ Name }) => `max(${quotedName(Name!)})`).join(', ');
      const { rows } = await ask(aws, set, `WITH kept AS (SELECT * FROM source)\nSELECT ${list} FROM kept`);
      return rows.flat().filter((cell) => cell !== null);
    }),
  );
  // What cannot be asked says so in its visuals.
  const times = answers
    .flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    .map((cell) => Date.parse(isoTime(String(cell))));
  return times.length > 0 ? new Date(Math.max(...times)) : undefined;
}

function notLoaded(aws: Aws, dataSetId: string): string {
  const last = ingestions(aws)
    .values()
    .filter((each) => each.dataSetId === dataSetId)
    .sort((a, b) => b.CreatedTime.getTime() - a.CreatedTime.getTime())[0];
  if (last?.IngestionStatus === 'FAILED') return `Loading into SPICE failed: ${last.ErrorInfo?.Message}`;
  return 'SPICE is being loaded for the first time.';
}

const TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/;
const isoTime = (text: string) => `${text.replace(' ', 'T').replace(/ UTC$/, '')}Z`;

function readCell(cell: unknown, isMeasure: boolean): Cell {
  if (typeof cell === 'string') {
    if (TIME.test(cell)) return isoTime(cell);
    return isMeasure && cell.trim() !== '' && Number.isFinite(Number(cell)) ? Number(cell) : cell;
  }
  return typeof cell === 'object' && cell !== null ? JSON.stringify(cell) : ((cell as Cell | undefined) ?? null);
}
