import { type HiveType, merged, primitive } from './hive-type.ts';

/** A column seen in JSON lines: its name in lower case, the key as the data writes it, and its type. */
export interface SeenColumn {
  name: string;
  key: string;
  type: HiveType;
}

/** What some JSON lines hold. `nested` maps the lower-case names of keys inside structs to how the data writes them. */
export interface Seen {
  columns: SeenColumn[];
  nested: Record<string, string>;
  lines: number;
  bytes: number;
}

const INT_MAX = 2147483647;
const DEPTH = 32;

/**
 * Infers columns as Glue's crawler does: integers `int` or `bigint`, numbers with a point or an exponent `double`, times `string`.
 * The beginning tells the format: undefined unless the first line is a JSON object. Any later line that is none gives no columns.
 */
export function inferColumns(lines: string[]): Seen | undefined {
  let columns: SeenColumn[] = [];
  const nested = new Map<string, string>();
  let bytes = 0;
  for (const [i, line] of lines.entries()) {
    const value = parsed(line);
    if (value === undefined && i === 0) return undefined;
    bytes += Buffer.byteLength(line) + 1;
    if (value === undefined) continue;
    const seen = Object.entries(value).map(([key, item]) => ({ name: key.toLowerCase(), key, type: typeOf(item, nested) }));
    columns = merged(columns, seen);
  }
  return { columns, nested: Object.fromEntries(nested), lines: lines.length, bytes };
}

/** What two samples together hold. */
export const mergedSeen = (a: Seen, b: Seen): Seen => ({
  columns: merged(a.columns, b.columns),
  nested: { ...b.nested, ...a.nested },
  lines: a.lines + b.lines,
  bytes: a.bytes + b.bytes,
});

const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(\.\d+)?([eE][+-]?\d+)?/g;

/** JSON.parse forgets whether a number was written `1` or `1.0`: numbers become arrays of one word that says. */
function parsed(line: string): Record<string, unknown> | undefined {
  const marked = line.replace(TOKENS, (token, fraction?: string, exponent?: string) => {
    if (token.startsWith('"')) return token;
    if (fraction !== undefined || exponent !== undefined) return '{"$number":"double"}';
    return Math.abs(Number(token)) <= INT_MAX ? '{"$number":"int"}' : '{"$number":"bigint"}';
  });
  try {
    const value: unknown = JSON.parse(marked);
    return typeof value === 'object' && value !== null && !Array.isArray(value) && !('$number' in value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function typeOf(value: unknown, nested: Map<string, string>, depth = 0): HiveType {
  if (value === null) return primitive('void');
  if (typeof value === 'boolean') return primitive('boolean');
  if (typeof value !== 'object' || depth > DEPTH) return primitive('string');
  if (Array.isArray(value)) {
    const of = value
      .map((item) => typeOf(item, nested, depth + 1))
      .reduce<HiveType>((all, type) => merged([{ name: '', type: all }], [{ name: '', type }])[0]!.type, primitive('void'));
    return { kind: 'array', of };
  }
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0]![0] === '$number') return primitive(String(entries[0]![1]));
  if (entries.length === 0) return primitive('string');
  const fields = entries.map(([key, item]) => {
    const name = key.toLowerCase();
    if (name !== key) nested.set(name, key);
    return { name, type: typeOf(item, nested, depth + 1) };
  });
  return { kind: 'struct', fields: merged([], fields) };
}
