import { type Expression, ExpressionError, parseExpression } from './expression.ts';
import { AGGREGATES, type Compiled, SCALARS } from './functions.ts';

/** What the names in an expression mean. `column` throws on a name that is neither column nor calculated field. */
export interface Scope {
  column(name: string): Compiled;
  /** The parameter's value as SQL; throws on an undeclared one. */
  parameter(name: string): Compiled;
  now: Date;
}

/** Puts a calculated field's expression into Athena's SQL; throws ExpressionError with what is wrong. */
export const calculate = (text: string, scope: Scope): Compiled => compile(parseExpression(text), scope);

/** A moment as SQL of both Athena and DuckDB, in UTC. */
export const timestamp = (time: Date): string => `TIMESTAMP '${time.toISOString().slice(0, -1).replace('T', ' ')}'`;

/** A text as SQL. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

function compile(expression: Expression, scope: Scope): Compiled {
  switch (expression.kind) {
    case 'number':
      return { sql: String(expression.value), type: 'number', level: 'constant' };
    case 'text':
      return { sql: quoted(expression.value), type: 'text', level: 'constant' };
    case 'column':
      return scope.column(expression.name);
    case 'parameter':
      return scope.parameter(expression.name);
    case 'call':
      return call(
        expression.name,
        expression.args.map((each) => compile(each, scope)),
        scope,
      );
    case 'operation':
      return operation(
        expression.operator,
        expression.args.map((each) => compile(each, scope)),
      );
  }
}

function call(name: string, args: Compiled[], { now }: Scope): Compiled {
  const key = name.toLowerCase();
  if (key === 'now' && args.length === 0) return { sql: timestamp(now), type: 'time', level: 'constant' };
  const aggregate = AGGREGATES[key];
  if (aggregate) {
    if (args.length !== 1) throw new ExpressionError(`${name} takes one argument, not ${args.length}`);
    if (args[0]!.level === 'aggregate') throw new ExpressionError(`${name} is given what is aggregated already`);
    if (key === 'sum' && args[0]!.type !== 'number')
      throw new ExpressionError(`${name} takes numbers, not ${args[0]!.type}`, 'COLUMN_TYPE_MISMATCH');
    return { ...aggregate(args), level: 'aggregate' };
  }
  const [least, most, scalar] = SCALARS[key] ?? [];
  if (!scalar) throw new ExpressionError(`function ${name} is not one that the local QuickSight can evaluate`);
  if (args.length < least! || args.length > most!) throw new ExpressionError(`${name} cannot take ${args.length} arguments`);
  return { ...scalar(args), level: joined(args) };
}

const COMPARISONS = ['=', '<>', '!=', '<', '>', '<=', '>='];

function operation(operator: string, args: Compiled[]): Compiled {
  const [left, right] = args as [Compiled, Compiled];
  const level = joined(args);
  const all = (type: Compiled['type']) => args.every((each) => each.type === type);
  if (operator === 'NEGATE' && all('number')) return { sql: `(-${left.sql})`, type: 'number', level };
  if (operator === 'NOT' && all('truth')) return { sql: `(NOT ${left.sql})`, type: 'truth', level };
  if ((operator === 'AND' || operator === 'OR') && all('truth'))
    return { sql: `(${left.sql} ${operator} ${right.sql})`, type: 'truth', level };
  if (COMPARISONS.includes(operator) && left.type === right.type)
    return { sql: `(${left.sql} ${operator === '!=' ? '<>' : operator} ${right.sql})`, type: 'truth', level };
  // QuickSight divides whole numbers exactly, and by zero to nothing.
  if (operator === '/' && all('number')) return { sql: `(CAST(${left.sql} AS DOUBLE) / nullif(${right.sql}, 0))`, type: 'number', level };
  if ('+-*%'.includes(operator) && all('number')) return { sql: `(${left.sql} ${operator} ${right.sql})`, type: 'number', level };
  throw new ExpressionError(`${operator} cannot work on ${args.map(({ type }) => type).join(' and ')}`, 'COLUMN_TYPE_MISMATCH');
}

/** Rows and sums do not mix; constants go with both. */
function joined(args: Compiled[]): Compiled['level'] {
  const levels = new Set(args.map(({ level }) => level));
  if (levels.has('row') && levels.has('aggregate')) throw new ExpressionError('aggregated and plain values are mixed');
  return levels.has('aggregate') ? 'aggregate' : levels.has('row') ? 'row' : 'constant';
}
