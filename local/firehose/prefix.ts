import { awsError } from '../aws.ts';

/** What a prefix expression may draw on: the arrival of the object's oldest record, a random string, the kind of error. */
export interface PrefixValues {
  time: Date;
  random: string;
  errorType?: string;
}

const EXPRESSION = /!\{([^{}]*)\}/g;
const TIME_PARTS: Record<string, (time: Date) => number> = {
  y: (time) => time.getUTCFullYear(),
  M: (time) => time.getUTCMonth() + 1,
  d: (time) => time.getUTCDate(),
  H: (time) => time.getUTCHours(),
  m: (time) => time.getUTCMinutes(),
  s: (time) => time.getUTCSeconds(),
};

/** Refuses what Firehose refuses in `Prefix` and `ErrorOutputPrefix`: unknown expressions, and an error type in the wrong one of them. */
export function checkPrefixes(prefix = '', errorPrefix = ''): void {
  const [inPrefix, inError] = [expressions(prefix), expressions(errorPrefix)];
  const sample = { time: new Date(0), random: '', errorType: '' };
  for (const text of [prefix, errorPrefix]) evaluatePrefix(text, sample);
  if (inPrefix.includes('firehose:error-output-type'))
    throw awsError(
      'InvalidArgumentException',
      'Prefix should not contain !{firehose:error-output-type}. It is allowed in ErrorOutputPrefix only.',
    );
  if (inPrefix.length > 0 && errorPrefix === '')
    throw awsError('InvalidArgumentException', 'ErrorOutputPrefix cannot be null or empty when Prefix contains expressions.');
  if ((inPrefix.length > 0 || inError.length > 0) && !inError.includes('firehose:error-output-type'))
    throw awsError('InvalidArgumentException', 'ErrorOutputPrefix must contain at least one instance of !{firehose:error-output-type}.');
}

/** The prefix of an object: expressions evaluated in UTC, and `yyyy/MM/dd/HH/` put behind a prefix without a timestamp of its own. */
export function objectPrefix(prefix: string, values: PrefixValues): string {
  const hasTime = expressions(prefix).some((expression) => expression.startsWith('timestamp:'));
  return evaluatePrefix(hasTime ? prefix : `${prefix}!{timestamp:yyyy/MM/dd/HH/}`, values);
}

/** `YYYY-MM-DD-HH-MM-SS` in UTC, as it stands in object names. */
export const objectTime = (time: Date): string => formatTime('yyyy-MM-dd-HH-mm-ss', time);

const expressions = (prefix: string) => [...prefix.matchAll(EXPRESSION)].map(([, expression]) => expression ?? '');

function evaluatePrefix(prefix: string, { time, random, errorType = '' }: PrefixValues): string {
  return prefix.replace(EXPRESSION, (_all, expression: string) => {
    if (expression.startsWith('timestamp:')) return formatTime(expression.slice('timestamp:'.length), time);
    if (expression === 'firehose:random-string') return random;
    if (expression === 'firehose:error-output-type') return errorType;
    throw awsError('InvalidArgumentException', `Prefix contains an invalid expression: !{${expression}}`);
  });
}

/** Java's date patterns as far as numbers go; other text stands between quotes, and `''` is a quote. */
function formatTime(pattern: string, time: Date): string {
  const refused = () => awsError('InvalidArgumentException', `Prefix contains an invalid timestamp pattern: ${pattern}`);
  return pattern.replace(/'((?:[^']|'')*)'|'|([A-Za-z])\2*/g, (all: string, literal: string | undefined, letter: string | undefined) => {
    if (literal !== undefined) return literal === '' ? "'" : literal.replaceAll("''", "'");
    const part = TIME_PARTS[letter ?? ''];
    if (!part) throw refused();
    const digits = String(part(time)).padStart(all.length, '0');
    return letter === 'y' && all.length === 2 ? digits.slice(-2) : digits;
  });
}
