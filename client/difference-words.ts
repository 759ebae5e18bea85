import type { Difference } from '../activities/resource.ts';

/** One difference in one line: the field, what it is and what it is to be. */
export const differenceWords = ({ field, is, wanted, replace }: Difference): string =>
  `${field}: ${shown(is, wanted)} -> ${shown(wanted, is)}${replace ? '  (cannot be changed: the thing is made anew)' : ''}`;

const LONGEST = 72;
/** How much of what is the same stands before the first character that is not. */
const BEFORE = 24;

/** A value as text; of a long one, the part where it begins to differ from the `other`. */
function shown(value: unknown, other: unknown): string {
  const text = textOf(value);
  if (text.length <= LONGEST) return text;
  const from = Math.min(Math.max(0, firstDifference(text, textOf(other)) - BEFORE), text.length - LONGEST);
  const end = from + LONGEST;
  return `${from > 0 ? '…' : ''}${text.slice(from, end)}${end < text.length ? '…' : ''} (${text.length} characters)`;
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '(none)';
  return typeof value === 'string' ? value.replace(/\s+/g, ' ') : JSON.stringify(value);
}

function firstDifference(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}
