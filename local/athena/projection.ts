import type { Aws } from '../aws.ts';
import type { CatalogTable } from '../glue/catalog.ts';
import { placeOf } from '../glue/crawl.ts';
import type { StoredObject } from '../s3/store.ts';

/** Whether the table's partitions are computed from its parameters instead of read from the catalog. */
export const isProjected = (table: Readonly<CatalogTable>): boolean => table.Parameters?.['projection.enabled']?.toLowerCase() === 'true';

/** The projected partitions that hold files; folders outside the projection's range or form are not seen, as in Athena. */
export function projectedPartitions(
  aws: Aws,
  table: Readonly<CatalogTable>,
): { values: string[]; prefix: string; files: Readonly<StoredObject>[] }[] {
  const keys = (table.PartitionKeys ?? []).map(({ Name: name = '' }) => name);
  const rules = keys.map((key) => ruleOf(aws, table, key));
  const location = (table.StorageDescriptor?.Location ?? '').replace(/\/?$/, '/');
  const template = (
    table.Parameters?.['storage.location.template'] ?? `${location}${keys.map((key) => `${key}=\${${key}}/`).join('')}`
  ).replace(/\/?$/, '/');
  const { bucket, prefix: fixed } = placeOf(template.split('${')[0]!.replace(/[^/]*$/, ''));
  const order: string[] = [];
  const expression = template
    .replace(/^s3:\/\/[^/]+\//, '')
    .replace(/\$\{(\w+)\}|([.*+?^()|[\]\\{}])/g, (_all, key: string | undefined, sign: string) => {
      if (key === undefined) return `\\${sign}`;
      order.push(key);
      return `(${rules[keys.indexOf(key)]?.form ?? '[^/]+'})`;
    });
  const form = new RegExp(`^${expression}`);
  const found = new Map<string, { values: string[]; prefix: string; files: Readonly<StoredObject>[] }>();
  for (const object of aws.objects.list(bucket, fixed)) {
    const match = form.exec(object.key);
    if (!match) continue;
    const values = keys.map((key) => match[order.indexOf(key) + 1] ?? '');
    const before = found.get(match[0]);
    if (before) before.files.push(object);
    else if (values.every((value, i) => rules[i]!.holds(value))) found.set(match[0], { values, prefix: match[0], files: [object] });
  }
  return [...found.values()];
}

interface Rule {
  /** What a value looks like, as the source of a regular expression without groups. */
  form: string;
  holds(value: string): boolean;
}

function ruleOf(aws: Aws, table: Readonly<CatalogTable>, key: string): Rule {
  const about = (name: string) => table.Parameters?.[`projection.${key}.${name}`];
  const invalid = (why: string) =>
    new Error(`INVALID_TABLE_PROPERTY: The projection of column '${key}' of '${table.DatabaseName}.${table.Name}' ${why}.`);
  const type = about('type')?.toLowerCase();
  if (type === 'enum') {
    const values = new Set((about('values') ?? '').split(',').map((value) => value.trim()));
    return { form: '[^/]+', holds: (value) => values.has(value) };
  }
  const [from = '', to = ''] = (about('range') ?? '').split(',').map((bound) => bound.trim());
  if (type === 'integer') {
    const digits = about('digits');
    const step = Number(about('interval') ?? 1);
    const [least, most] = [Number(from), Number(to)];
    if (from === '' || !Number.isInteger(least) || !Number.isInteger(most)) throw invalid('has no range of integers');
    const form = digits === undefined ? '-?[0-9]+' : `[0-9]{${Number(digits)}}`;
    return { form, holds: (value) => Number(value) >= least && Number(value) <= most && (Number(value) - least) % step === 0 };
  }
  if (type === 'date') {
    const format = about('format');
    if (!format || from === '' || to === '') throw invalid('has no format or no range');
    const [least, most] = [bound(from, format, aws.now()), bound(to, format, aws.now())];
    return { form: formOf(format), holds: (value) => value >= least && value <= most };
  }
  throw invalid(type === undefined ? 'has no type' : `has the type '${type}', which the local AWS does not project`);
}

const UNITS: Record<string, number> = {
  SECONDS: 1000,
  MINUTES: 60_000,
  HOURS: 3_600_000,
  DAYS: 86_400_000,
  WEEKS: 604_800_000,
  MONTHS: 30 * 86_400_000,
  YEARS: 365 * 86_400_000,
};

/** A bound in the column's own format (`NOW`, `NOW-3DAYS` or a date); formats go from years down, so texts compare as times. */
function bound(text: string, format: string, now: number): string {
  const relative = /^NOW(?:\s*([+-])\s*(\d+)\s*([A-Z]+?)S?)?$/.exec(text);
  if (!relative) return text;
  const [, sign, count = '0', unit = 'DAY'] = relative;
  const date = new Date(now + (sign === '-' ? -1 : 1) * Number(count) * (UNITS[`${unit}S`] ?? 0));
  const parts: Record<string, string> = {
    yyyy: String(date.getUTCFullYear()),
    MM: two(date.getUTCMonth() + 1),
    dd: two(date.getUTCDate()),
    HH: two(date.getUTCHours()),
    mm: two(date.getUTCMinutes()),
    ss: two(date.getUTCSeconds()),
  };
  return format.replace(/yyyy|MM|dd|HH|mm|ss/g, (token) => parts[token]!).replaceAll("'", '');
}

const two = (value: number) => String(value).padStart(2, '0');

const formOf = (format: string) =>
  format
    .replaceAll("'", '')
    .replace(/yyyy|MM|dd|HH|mm|ss|[.*+?^()|[\]\\{}$]/g, (token) => (/[a-zA-Z]/.test(token) ? `[0-9]{${token.length}}` : `\\${token}`));
