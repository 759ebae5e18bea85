import { type Token, tokens } from './tokens.ts';
import { TrinoError } from './trino-error.ts';

/** Throws Athena's error where a text groups by sets of anything but columns: Trino takes expressions only in a plain GROUP BY, DuckDB everywhere. */
export function refuseGroupedExpressions(sql: string): void {
  const all = tokens(sql);
  for (const [i, { kind, text }] of all.entries()) {
    if (kind !== 'word' || !/^(SETS|CUBE|ROLLUP)$/i.test(text) || all[i + 1]?.text !== '(') continue;
    for (const part of partsOf(all, i + 1)) if (!COLUMN_OR_SET.test(shapeOf(part))) throw refusal(sql, part);
  }
}

const COLUMN = /^n(\.n)*$/;
const COLUMN_OR_SET = /^(n(\.n)*|\((n(\.n)*(,n(\.n)*)*)?\))$/;

/** Tokens as one letter each: `n` for a name, else the sign itself or `x`. */
const shapeOf = (part: Token[]): string =>
  part.map(({ kind, text }) => (kind === 'word' || kind === 'name' ? 'n' : kind === 'sign' && text.length === 1 ? text : 'x')).join('');

/** What stands between the parenthesis at `open` and the one that closes it, parted at the commas that lie in no others. */
function partsOf(all: Token[], open: number): Token[][] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of all.slice(open + 1)) {
    const sign = token.kind === 'sign' ? token.text : '';
    if (sign === ')' && depth === 0) break;
    if (sign === ',' && depth === 0) parts.push([]);
    else parts.at(-1)!.push(token);
    if (sign === '(') depth++;
    if (sign === ')') depth--;
  }
  return parts.filter((part) => part.length > 0);
}

/** Names the expression; of a set, the first one in it. */
function refusal(sql: string, part: Token[]): TrinoError {
  const inSet = part[0]!.text === '(' ? partsOf(part, 0) : [];
  const wrong = inSet.find((each) => !COLUMN.test(shapeOf(each))) ?? part;
  const [first, last] = [wrong[0]!, wrong.at(-1)!];
  const before = sql.slice(0, first.at).split('\n');
  return new TrinoError(
    `INVALID_COLUMN_REFERENCE: line ${before.length}:${before.at(-1)!.length + 1}: GROUP BY expression must be a column reference: ${sql.slice(first.at, last.at + last.text.length)}`,
  );
}
