import type { FilterControl, GridLayoutElement, ParameterControl, SheetDefinition } from '@aws-sdk/client-quicksight';
import type { Aws } from '../aws.ts';
import { sourceQuery } from './data-sets.ts';
import { aboutOf, groupsFor } from './filters.ts';
import { valuesOf } from './load.ts';
import { declared } from './scope.ts';
import { type Definition, declaredDataSets } from './validate.ts';
import { type DrawnVisual, readVisual } from './visuals.ts';

/** A control of a sheet. `key` names its values in the page's address: `f.<filter>` or `p.<parameter>`. */
export interface Control {
  key: string;
  title: string;
  kind: 'list' | 'date' | 'text';
  multiple: boolean;
  /** What a list offers from the start; without it the values come from the data. */
  values?: string[];
  /** What holds while nothing is chosen. */
  initial?: string;
}

/** A visual with its place in the grid of 36 columns, and the controls that reach it. */
export interface PlacedVisual extends DrawnVisual {
  place?: { column?: number; row?: number; columns: number; rows: number };
  controls: string[];
}

/** Two controls that are the ends of a range of time; `filter` is the key of what it filters by, `back` says how many minutes it has unless chosen. */
export interface Range {
  from: string;
  to: string;
  filter: string;
  back?: number;
}

/** A dashboard as the page lays it out, without data. */
export interface DashboardView {
  id: string;
  name: string;
  version: number;
  sheets: { sheetId: string; name: string; visuals: PlacedVisual[]; controls: Control[]; ranges: Range[] }[];
  /** Fixed colours, by column name and value. */
  colors: Record<string, Record<string, string>>;
}

/** Reads the layout of a definition. */
export function viewOf(aws: Aws, definition: Definition, about: { id: string; name: string; version: number }): DashboardView {
  const colors: DashboardView['colors'] = {};
  for (const { Column: column, ColorsConfiguration: configuration } of definition.ColumnConfigurations ?? [])
    for (const { FieldValue: value, Color: color } of configuration?.CustomColors ?? [])
      if (value !== undefined && color) colors[column!.ColumnName!] = { ...colors[column!.ColumnName!], [value]: color };
  return {
    ...about,
    colors,
    sheets: (definition.Sheets ?? []).map((sheet) => ({
      sheetId: sheet.SheetId!,
      name: sheet.Name ?? sheet.Title ?? sheet.SheetId!,
      visuals: placed(aws, definition, sheet),
      controls: controlsOf(definition, sheet),
      ranges: rangesOf(definition),
    })),
  };
}

/** What the lists of a definition's filter controls offer, by control key. */
export async function controlValues(aws: Aws, definition: Definition): Promise<Record<string, string[]>> {
  const sets = declaredDataSets(aws, definition);
  const filters = (definition.Sheets ?? [])
    .flatMap(({ FilterControls = [] }) => FilterControls)
    .map((control) => filterOf(definition, filterIdOf(control)))
    .filter((filter) => filter?.CategoryFilter !== undefined);
  const entries = filters.map(async (filter) => {
    const { id, column } = aboutOf(filter!);
    const set = sets.get(column.DataSetIdentifier!);
    return [`f.${id}`, set ? await valuesOf(aws, set, column.ColumnName!) : []] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

const filterIdOf = (control: FilterControl) => (Object.values(control)[0] as { SourceFilterId?: string }).SourceFilterId;

const filterOf = (definition: Definition, id: string | undefined) =>
  (definition.FilterGroups ?? []).flatMap(({ Filters = [] }) => Filters).find((filter) => aboutOf(filter).id === id);

function placed(aws: Aws, definition: Definition, { SheetId: sheetId = '', Visuals = [], Layouts = [] }: SheetDefinition): PlacedVisual[] {
  const elements: GridLayoutElement[] = Layouts.flatMap(({ Configuration: layout }) => layout?.GridLayout?.Elements ?? []);
  const sets = declaredDataSets(aws, definition);
  return Visuals.map((each) => {
    const visual = readVisual(each);
    const element = elements.find(({ ElementId }) => ElementId === visual.visualId);
    const dataSet = visual.fields[0]?.dataSet ?? '';
    const set = sets.get(dataSet);
    const has = (name: string | undefined) => set !== undefined && sourceQuery(set).columns.some((column) => column.Name === name);
    const controls = groupsFor(definition.FilterGroups, sheetId, visual.visualId).flatMap(({ CrossDataset: cross, Filters = [] }) =>
      Filters.map(aboutOf)
        .filter(({ column }) => column.DataSetIdentifier === dataSet || (cross === 'ALL_DATASETS' && has(column.ColumnName)))
        .map(({ id }) => `f.${id}`),
    );
    const place = element && { column: element.ColumnIndex, row: element.RowIndex, columns: element.ColumnSpan!, rows: element.RowSpan! };
    return { ...visual, place, controls };
  });
}

function controlsOf(definition: Definition, { FilterControls = [], ParameterControls = [] }: SheetDefinition): Control[] {
  const filters = FilterControls.map((control): Control => {
    const { Dropdown: dropdown, List: list } = control;
    const { Title, Type, SelectableValues } = (dropdown ?? list ?? Object.values(control)[0]) as NonNullable<typeof dropdown>;
    const isList = dropdown !== undefined || list !== undefined;
    return {
      key: `f.${filterIdOf(control)}`,
      title: Title ?? '',
      kind: isList ? 'list' : 'text',
      multiple: isList && Type !== 'SINGLE_SELECT',
      values: SelectableValues?.Values,
    };
  });
  const parameters = ParameterControls.map((control: ParameterControl): Control => {
    const { Dropdown: dropdown, List: list, DateTimePicker: date, ...others } = control;
    const { SourceParameterName: name = '', Title: title = name } = (dropdown ?? list ?? date ?? Object.values(others)[0]) as NonNullable<
      typeof date
    >;
    const { StringParameterDeclaration: text } = declared(definition, name);
    const kind = date ? 'date' : dropdown || list ? 'list' : 'text';
    const picker = dropdown ?? list;
    return {
      key: `p.${name}`,
      title,
      kind,
      multiple: picker?.Type === 'MULTI_SELECT',
      values: picker?.SelectableValues?.Values,
      initial: text?.DefaultValues?.StaticValues?.[0],
    };
  });
  return [...filters, ...parameters];
}

function rangesOf(definition: Definition): Range[] {
  const filters = (definition.FilterGroups ?? []).flatMap(({ Filters = [] }) => Filters);
  return filters.flatMap(({ TimeRangeFilter: time }) => {
    const [from, to] = [time?.RangeMinimumValue?.Parameter, time?.RangeMaximumValue?.Parameter];
    if (!from || !to) return [];
    return [{ from: `p.${from}`, to: `p.${to}`, filter: `f.${time!.FilterId}`, back: minutesBack(definition, from) }];
  });
}

const MINUTES: Record<string, number> = { MI: 1, HH: 60, DD: 1440 };

/** How many minutes ago a parameter's rolling date is, where it says so simply: `addDateTime(-30, 'MI', …)`. */
function minutesBack(definition: Definition, parameter: string): number | undefined {
  const { RollingDate: rolling } = declared(definition, parameter).DateTimeParameterDeclaration?.DefaultValues ?? {};
  const [, amount, unit = ''] = /^addDateTime\(-(\d+), '(MI|HH|DD)',/.exec(rolling?.Expression ?? '') ?? [];
  return amount === undefined ? undefined : Number(amount) * MINUTES[unit]!;
}
