import { ExpressionError } from './expression.ts';

/** What a column or an expression is, as far as a dashboard cares. */
export type Type = 'number' | 'text' | 'time' | 'truth';

/** A piece of Athena's SQL, its type, and what it is worked out from: nothing, one row, or many. */
export interface Compiled {
  sql: string;
  type: Type;
  level: 'constant' | 'row' | 'aggregate';
}

type Function = (args: Compiled[]) => Pick<Compiled, 'sql' | 'type'>;

const UNITS: Record<string, string> = {
  YYYY: 'year',
  Q: 'quarter',
  MM: 'month',
  WK: 'week',
  DD: 'day',
  HH: 'hour',
  MI: 'minute',
  SS: 'second',
  MS: 'millisecond',
};

const unit = ({ sql }: Compiled): string => {
  const word = UNITS[sql.slice(1, -1).toUpperCase()];
  if (!word) throw new ExpressionError(`${sql} is not a period; it must be one of ${Object.keys(UNITS).join(', ')}`);
  return `'${word}'`;
};

const scalar =
  (name: string, type: Type): Function =>
  (args) => ({ sql: `${name}(${args.map(({ sql }) => sql).join(', ')})`, type });
const same =
  (name: string): Function =>
  (args) => ({ sql: `${name}(${args.map(({ sql }) => sql).join(', ')})`, type: args[0]!.type });

/** The functions that aggregate, by QuickSight's name in lower case. */
export const AGGREGATES: Record<string, Function> = {
  sum: scalar('sum', 'number'),
  avg: ([of]) => ({ sql: `avg(CAST(${of!.sql} AS DOUBLE))`, type: 'number' }),
  min: same('min'),
  max: same('max'),
  count: scalar('count', 'number'),
  distinct_count: ([of]) => ({ sql: `count(DISTINCT ${of!.sql})`, type: 'number' }),
  median: ([of]) => ({ sql: `approx_percentile(CAST(${of!.sql} AS DOUBLE), 0.5)`, type: 'number' }),
  stdev: scalar('stddev_samp', 'number'),
  stdevp: scalar('stddev_pop', 'number'),
  var: scalar('var_samp', 'number'),
  varp: scalar('var_pop', 'number'),
};

/** The other functions, with how many arguments they take at least and at most. */
export const SCALARS: Record<string, [least: number, most: number, Function]> = {
  abs: [1, 1, scalar('abs', 'number')],
  ceil: [1, 1, scalar('ceil', 'number')],
  floor: [1, 1, scalar('floor', 'number')],
  round: [1, 2, scalar('round', 'number')],
  sqrt: [1, 1, scalar('sqrt', 'number')],
  coalesce: [1, 99, same('coalesce')],
  nullif: [2, 2, same('nullif')],
  isnull: [1, 1, ([of]) => ({ sql: `(${of!.sql} IS NULL)`, type: 'truth' })],
  isnotnull: [1, 1, ([of]) => ({ sql: `(${of!.sql} IS NOT NULL)`, type: 'truth' })],
  ifelse: [3, 99, ifElse],
  tolower: [1, 1, scalar('lower', 'text')],
  toupper: [1, 1, scalar('upper', 'text')],
  trim: [1, 1, scalar('trim', 'text')],
  concat: [2, 99, (args) => ({ sql: `concat(${args.map(({ sql }) => `CAST(${sql} AS varchar)`).join(', ')})`, type: 'text' })],
  strlen: [1, 1, scalar('length', 'number')],
  tostring: [1, 1, ([of]) => ({ sql: `CAST(${of!.sql} AS varchar)`, type: 'text' })],
  decimaltoint: [1, 1, ([of]) => ({ sql: `CAST(${of!.sql} AS bigint)`, type: 'number' })],
  inttodecimal: [1, 1, ([of]) => ({ sql: `CAST(${of!.sql} AS DOUBLE)`, type: 'number' })],
  truncdate: [2, 2, ([period, of]) => ({ sql: `date_trunc(${unit(period!)}, ${of!.sql})`, type: 'time' })],
  adddatetime: [3, 3, ([amount, period, of]) => ({ sql: `date_add(${unit(period!)}, ${amount!.sql}, ${of!.sql})`, type: 'time' })],
  datediff: [
    2,
    3,
    ([from, to, period]) => ({ sql: `date_diff(${period ? unit(period) : "'day'"}, ${from!.sql}, ${to!.sql})`, type: 'number' }),
  ],
};

function ifElse(args: Compiled[]): Pick<Compiled, 'sql' | 'type'> {
  if (args.length % 2 === 0) throw new ExpressionError('ifelse lacks its last argument: what else holds');
  const branches: string[] = [];
  for (let i = 0; i + 1 < args.length; i += 2) {
    if (args[i]!.type !== 'truth') throw new ExpressionError(`ifelse: argument ${i + 1} is no condition`);
    if (args[i + 1]!.type !== args[1]!.type) throw new ExpressionError('ifelse: its results are of several types');
    branches.push(`WHEN ${args[i]!.sql} THEN ${args[i + 1]!.sql}`);
  }
  const last = args.at(-1)!;
  if (last.type !== args[1]!.type) throw new ExpressionError('ifelse: its results are of several types');
  return { sql: `CASE ${branches.join(' ')} ELSE ${last.sql} END`, type: last.type };
}
