import type {
  AnalysisDefinition,
  DashboardError,
  DashboardVersionDefinition,
  FilterControl,
  ParameterControl,
} from '@aws-sdk/client-quicksight';
import type { Aws } from '../aws.ts';
import { assetArn, dataSets } from './assets.ts';
import { compileVisual, dataSetOf } from './compile.ts';
import { sourceQuery } from './data-sets.ts';
import { ExpressionError } from './expression.ts';
import { aboutOf, groupsFor } from './filters.ts';
import { declared, scopeOf } from './scope.ts';
import { readVisual } from './visuals.ts';

/** A definition, of a dashboard or an analysis. */
export type Definition = DashboardVersionDefinition | AnalysisDefinition;

/** The data sets that a definition declares, by identifier; undefined for one that does not exist. */
export const declaredDataSets = (aws: Aws, definition: Definition) =>
  new Map(
    (definition.DataSetIdentifierDeclarations ?? []).map(({ Identifier: identifier = '', DataSetArn: arn }) => [
      identifier,
      dataSets(aws)
        .values()
        .find(({ id }) => assetArn(aws, 'dataset', id) === arn),
    ]),
  );

/** Everything in a definition that would keep a visual, filter or control from working: by making each visual's query, as the page will. */
export function faultsOf(aws: Aws, definition: Definition): DashboardError[] {
  const faults: DashboardError[] = [];
  const fault = (Type: DashboardError['Type'], Message: string, Path?: string) =>
    void faults.push({ Type, Message, ...(Path ? { ViolatedEntities: [{ Path }] } : {}) });
  const check = (what: string, path: string, work: () => void) => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      fault(error.type, `${what}: ${error.message}`, path);
    }
  };
  const sets = declaredDataSets(aws, definition);
  const now = new Date(aws.now());
  const columnsOf = (identifier: string) => {
    if (!sets.has(identifier)) throw new ExpressionError(`data set '${identifier}' is not declared`, 'DATA_SET_NOT_FOUND');
    const set = sets.get(identifier);
    return set ? sourceQuery(set).columns : undefined;
  };
  for (const { Identifier, DataSetArn } of definition.DataSetIdentifierDeclarations ?? [])
    if (!sets.get(Identifier!))
      fault('DATA_SET_NOT_FOUND', `Data set ${DataSetArn} is not found`, `dataSetIdentifierDeclarations/${Identifier}`);

  for (const { DataSetIdentifier: dataSet = '', Name: name = '' } of definition.CalculatedFields ?? [])
    check(`Calculated field ${name}`, `calculatedFields/${name}`, () => {
      const columns = columnsOf(dataSet);
      if (columns) scopeOf(definition, dataSet, columns, {}, now).column(name);
    });

  for (const { FilterGroupId: group, Filters: filters = [] } of definition.FilterGroups ?? [])
    for (const filter of filters)
      check(`Filter group ${group}`, `filterGroups/${group}`, () => {
        const { DataSetIdentifier: dataSet = '', ColumnName: name = '' } = aboutOf(filter).column;
        const columns = columnsOf(dataSet);
        if (columns) scopeOf(definition, dataSet, columns, {}, now).column(name);
      });

  const ids = new Set<string>();
  for (const sheet of definition.Sheets ?? []) {
    const at = `sheets/${sheet.SheetId}`;
    for (const each of sheet.Visuals ?? []) {
      const visual = readVisual(each);
      const path = `${at}/visuals/${visual.visualId}`;
      if (ids.has(visual.visualId)) fault('INTERNAL_FAILURE', `Visual id ${visual.visualId} is there twice`, path);
      ids.add(visual.visualId);
      if (visual.kind === 'other') continue;
      check(`Visual ${visual.visualId} (${visual.title})`, path, () => {
        const columns = columnsOf(dataSetOf(visual));
        const groups = groupsFor(definition.FilterGroups, sheet.SheetId!, visual.visualId);
        if (visual.kind !== 'table' && !visual.fields.some(({ measure }) => measure))
          throw new ExpressionError('its field wells have no value');
        const unknown = visual.sort.find(({ field }) => !visual.fields.some(({ id }) => id === field));
        if (unknown) throw new ExpressionError(`it is sorted by field ${unknown.field}, which it does not have`);
        if (columns) compileVisual(visual, { names: definition, groups, columns, chosen: { filters: {}, parameters: {} }, now });
      });
    }
    for (const control of sheet.ParameterControls ?? []) {
      const { ParameterControlId: id, SourceParameterName: name = '' } = Object.values(control as ParameterControl)[0] as {
        ParameterControlId?: string;
        SourceParameterName?: string;
      };
      check(`Control ${id}`, `${at}/parameterControls/${id}`, () => void declared(definition, name));
    }
    for (const control of sheet.FilterControls ?? []) {
      const { FilterControlId: id, SourceFilterId: source } = Object.values(control as FilterControl)[0] as {
        FilterControlId?: string;
        SourceFilterId?: string;
      };
      check(`Control ${id}`, `${at}/filterControls/${id}`, () => {
        const filters = (definition.FilterGroups ?? []).flatMap(({ Filters = [] }) => Filters);
        if (!filters.some((filter) => aboutOf(filter).id === source)) throw new ExpressionError(`there is no filter ${source}`);
      });
    }
  }
  return faults;
}
