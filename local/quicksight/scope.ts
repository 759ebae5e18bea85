import type { DashboardVersionDefinition, InputColumn } from '@aws-sdk/client-quicksight';
import { calculate, quoted, type Scope, timestamp } from './calculate.ts';
import { quotedName } from './data-sets.ts';
import { ExpressionError } from './expression.ts';
import type { Compiled, Type } from './functions.ts';

/** The part of a definition that gives names their meaning; an analysis has it as a dashboard does. */
export type Names = Pick<DashboardVersionDefinition, 'CalculatedFields' | 'ParameterDeclarations'>;

/** Values a viewer has chosen, by parameter; what is left out takes its default. */
export type Chosen = Record<string, string[]>;

/** What names mean in one data set of a definition, at the moment `now`. */
export function scopeOf(names: Names, dataSet: string, columns: InputColumn[], chosen: Chosen, now: Date): Scope {
  const open: string[] = [];
  const scope: Scope = {
    now,
    parameter: (name) => {
      const [value, ...more] = parameterValues(names, name, chosen, now);
      if (!value || more.length > 0)
        throw new ExpressionError(`parameter ${name} has not exactly one value`, 'PARAMETER_VALUE_INCOMPATIBLE');
      return value;
    },
    column: (name) => {
      const column = columns.find((each) => each.Name === name);
      if (column) return { sql: quotedName(name), type: TYPES[column.Type!] ?? 'text', level: 'row' };
      const field = (names.CalculatedFields ?? []).find((each) => each.DataSetIdentifier === dataSet && each.Name === name);
      if (!field) throw new ExpressionError(`data set ${dataSet} has no column '${name}'`, 'COLUMN_REPLACEMENT_MISSING');
      if (open.includes(name)) throw new ExpressionError(`calculated field '${name}' refers to itself`);
      open.push(name);
      try {
        return calculate(field.Expression!, scope);
      } catch (error) {
        if (!(error instanceof ExpressionError)) throw error;
        throw new ExpressionError(`calculated field '${name}': ${error.message}`, error.type);
      } finally {
        open.pop();
      }
    },
  };
  return scope;
}

const TYPES: Record<string, Type> = { INTEGER: 'number', DECIMAL: 'number', BIT: 'truth', BOOLEAN: 'truth', DATETIME: 'time' };

/** A parameter's values as SQL: those chosen, else its default; none where it has none. Throws on one that is not declared or not of its type. */
export function parameterValues(names: Names, name: string, chosen: Chosen, now: Date): Compiled[] {
  const { DateTimeParameterDeclaration: date, StringParameterDeclaration: text, ...numbers } = declared(names, name);
  const number = numbers.IntegerParameterDeclaration ?? numbers.DecimalParameterDeclaration;
  const given = chosen[name];
  if (date) {
    if (given) return given.map((value) => constant(timestamp(momentOf(name, value)), 'time'));
    const { StaticValues: values = [], RollingDate: rolling } = date.DefaultValues ?? {};
    if (rolling) return [calculate(rolling.Expression!, { ...ROLLING, now })];
    return values.slice(0, 1).map((value) => constant(timestamp(value), 'time'));
  }
  if (text) return (given ?? text.DefaultValues?.StaticValues ?? []).map((value) => constant(quoted(value), 'text'));
  const values = given?.map(Number) ?? number?.DefaultValues?.StaticValues ?? [];
  if (values.some((value) => !Number.isFinite(value)))
    throw new ExpressionError(`parameter ${name} must be a number`, 'PARAMETER_TYPE_INVALID');
  return values.map((value) => constant(String(value), 'number'));
}

/** A parameter's declaration; throws where there is none. */
export function declared({ ParameterDeclarations: declarations = [] }: Names, name: string) {
  const found = declarations.find((each) => Object.values(each).some((declaration) => declaration?.Name === name));
  if (!found) throw new ExpressionError(`parameter ${name} is not declared`, 'PARAMETER_NOT_FOUND');
  return found;
}

const constant = (sql: string, type: Type): Compiled => ({ sql, type, level: 'constant' });

/** A rolling date knows no columns. */
const ROLLING = {
  column: (name: string): never => {
    throw new ExpressionError(`a rolling date cannot use column '${name}'`);
  },
  parameter: (name: string): never => {
    throw new ExpressionError(`a rolling date cannot use parameter ${name}`);
  },
};

/** A moment from a page's address: ISO 8601, in UTC unless it says otherwise. */
function momentOf(name: string, text: string): Date {
  const time = new Date(/(Z|[+-]\d\d:?\d\d)$/.test(text) || !text.includes('T') ? text : `${text}Z`);
  if (Number.isNaN(time.getTime()))
    throw new ExpressionError(`parameter ${name} must be a time as 2026-11-23T18:00, not '${text}'`, 'PARAMETER_TYPE_INVALID');
  return time;
}
