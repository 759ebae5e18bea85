import { awsError } from '../aws.ts';

const FIELDS = [
  { name: 'minutes', from: 0, to: 59, words: [] },
  { name: 'hours', from: 0, to: 23, words: [] },
  { name: 'day-of-month', from: 1, to: 31, words: [] },
  { name: 'month', from: 1, to: 12, words: ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'] },
  { name: 'day-of-week', from: 1, to: 7, words: ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'] },
  { name: 'year', from: 1970, to: 2199, words: [] },
];

/** Checks a Glue schedule `cron(minutes hours day-of-month month day-of-week year)`; throws InvalidInputException. */
export function checkSchedule(text: string): void {
  const [minutes] = fieldsOf(text);
  const sorted = [...minutes!].sort((a, b) => a - b);
  const gaps = sorted.map((minute, i) => (sorted[i + 1] ?? sorted[0]! + 60) - minute);
  if (gaps.some((gap) => gap < 5))
    throw awsError('InvalidInputException', `Schedule '${text}' is too frequent: crawls must be at least 5 minutes apart.`);
}

/** Whether a checked schedule falls on the minute (UTC) of `date`. */
export function fallsOn(text: string, date: Date): boolean {
  const [minutes, hours, days, months, weekdays, years] = fieldsOf(text) as [
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
  ];
  return (
    minutes.has(date.getUTCMinutes()) &&
    hours.has(date.getUTCHours()) &&
    days.has(date.getUTCDate()) &&
    months.has(date.getUTCMonth() + 1) &&
    weekdays.has(date.getUTCDay() + 1) &&
    years.has(date.getUTCFullYear())
  );
}

function fieldsOf(text: string): Set<number>[] {
  const parts = /^cron\((.*)\)$/.exec(text.trim())?.[1]?.trim().split(/\s+/) ?? [];
  const invalid = (why: string) => awsError('InvalidInputException', `Schedule '${text}' is not valid: ${why}.`);
  if (parts.length !== 6) throw invalid('it must be cron(minutes hours day-of-month month day-of-week year)');
  if ((parts[2] === '?') === (parts[4] === '?')) throw invalid("one of day-of-month and day-of-week must be '?'");
  return FIELDS.map((field, i) => {
    const values = new Set<number>();
    for (const item of parts[i]!.split(',')) for (const value of expand(item, field, i === 2 || i === 4)) values.add(value);
    if (values.size === 0) throw invalid(`'${parts[i]}' is no value of ${field.name}`);
    return values;
  });
}

/** The values of one item (`*`, `?`, `5`, `MON-FRI`, `0/15`); none when it is not understood. */
function expand(item: string, { from, to, words }: (typeof FIELDS)[number], mayBeOpen: boolean): number[] {
  const [range = '', step, ...rest] = item.split('/');
  if (rest.length > 0 || (step !== undefined && !/^[1-9]\d*$/.test(step))) return [];
  if (range === '?') return mayBeOpen && step === undefined ? span(from, to, 1) : [];
  const [first = '', last, ...more] = range.split('-');
  if (more.length > 0) return [];
  const number = (text: string) => (/^\d+$/.test(text) ? Number(text) : words.indexOf(text.toUpperCase()) + from);
  const start = first === '*' ? from : number(first);
  const end = last !== undefined ? number(last) : step !== undefined || first === '*' ? to : start;
  const isKnown = first === '*' || /^\d+$/.test(first) || words.includes(first.toUpperCase());
  return isKnown && start >= from && end <= to && start <= end ? span(start, end, Number(step ?? 1)) : [];
}

const span = (from: number, to: number, step: number) =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);
