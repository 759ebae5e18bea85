/** A type of the catalog, as Hive writes it: `bigint`, `array<string>`, `map<string,int>`, `struct<a:int,b:string>`. `void` is a type not known yet. */
export type HiveType =
  | { kind: 'primitive'; name: string }
  | { kind: 'array'; of: HiveType }
  | { kind: 'map'; key: HiveType; value: HiveType }
  | { kind: 'struct'; fields: { name: string; type: HiveType }[] };

/** The primitive of that name. */
export const primitive = (name: string): HiveType => ({ kind: 'primitive', name });

/** Reads a type's text; throws an Error that names what is wrong with it. */
export function parseHiveType(text: string): HiveType {
  const reader = { text, at: 0 };
  const type = readType(reader);
  if (reader.at !== text.length) throw new Error(`type '${text}': unexpected '${text.slice(reader.at)}'`);
  return type;
}

/** Writes a type as Hive does. A type never seen is `string`, as Glue's crawler has it. */
export function hiveText(type: HiveType): string {
  if (type.kind === 'array') return `array<${hiveText(type.of)}>`;
  if (type.kind === 'map') return `map<${hiveText(type.key)},${hiveText(type.value)}>`;
  if (type.kind === 'struct') return `struct<${type.fields.map((field) => `${field.name}:${hiveText(field.type)}`).join(',')}>`;
  return type.name === 'void' ? 'string' : type.name;
}

/** The narrowest type that holds both: numbers widen, structs grow, and what does not fit becomes `string`. */
export function widened(a: HiveType, b: HiveType): HiveType {
  if (isPrimitive(a, 'void')) return b;
  if (isPrimitive(b, 'void')) return a;
  if (a.kind === 'array' && b.kind === 'array') return { kind: 'array', of: widened(a.of, b.of) };
  if (a.kind === 'struct' && b.kind === 'struct') return { kind: 'struct', fields: merged(a.fields, b.fields) };
  if (a.kind === 'map' && b.kind === 'map') return { kind: 'map', key: widened(a.key, b.key), value: widened(a.value, b.value) };
  if (a.kind === 'map' && b.kind === 'struct') return { ...a, value: b.fields.reduce((type, field) => widened(type, field.type), a.value) };
  if (a.kind === 'struct' && b.kind === 'map') return widened(b, a);
  if (a.kind !== 'primitive' || b.kind !== 'primitive') return primitive('string');
  if (a.name === b.name) return a;
  const [first, second] = [WIDTHS.indexOf(a.name), WIDTHS.indexOf(b.name)];
  return first >= 0 && second >= 0 ? primitive(WIDTHS[Math.max(first, second)]!) : keptByHand(a.name) ? a : primitive('string');
}

/** Merges columns or fields by name; those known keep their places, new ones follow. */
export function merged<Field extends { name: string; type: HiveType }>(known: Field[], seen: Field[]): Field[] {
  const byName = new Map(known.map((field) => [field.name, field]));
  for (const field of seen) {
    const before = byName.get(field.name);
    byName.set(field.name, before ? { ...before, type: widened(before.type, field.type) } : field);
  }
  return [...byName.values()];
}

const WIDTHS = ['tinyint', 'smallint', 'int', 'bigint', 'float', 'double'];
const isPrimitive = (type: HiveType, name: string) => type.kind === 'primitive' && type.name === name;

/** JSON has no such types: a column that has one was declared by someone, and a crawl must not undo that. */
const keptByHand = (name: string) => /^(date|timestamp|decimal|varchar|char|binary)/.test(name);

interface Reader {
  text: string;
  at: number;
}

const DEPTH = 64;

function readType(reader: Reader, depth = 0): HiveType {
  if (depth > DEPTH) throw new Error(`type '${reader.text.slice(0, 80)}…' is nested too deeply`);
  const name = take(reader, /[a-zA-Z_]\w*(\s*\([\d\s,]*\))?/y)
    .toLowerCase()
    .replace(/\s/g, '');
  if (name === 'array') {
    expect(reader, '<');
    const of = readType(reader, depth + 1);
    expect(reader, '>');
    return { kind: 'array', of };
  }
  if (name === 'map') {
    expect(reader, '<');
    const key = readType(reader, depth + 1);
    expect(reader, ',');
    const value = readType(reader, depth + 1);
    expect(reader, '>');
    return { kind: 'map', key, value };
  }
  if (name === 'struct') return readStruct(reader, depth);
  return primitive(name === 'integer' ? 'int' : name);
}

function readStruct(reader: Reader, depth: number): HiveType {
  expect(reader, '<');
  const fields: { name: string; type: HiveType }[] = [];
  while (reader.text[reader.at] !== '>') {
    if (fields.length > 0) expect(reader, ',');
    const name = take(reader, /[^:<>,]+/y)
      .trim()
      .replace(/^`(.*)`$/, '$1');
    expect(reader, ':');
    fields.push({ name: name.toLowerCase(), type: readType(reader, depth + 1) });
  }
  expect(reader, '>');
  return { kind: 'struct', fields };
}

function take(reader: Reader, pattern: RegExp): string {
  while (reader.text[reader.at] === ' ') reader.at++;
  pattern.lastIndex = reader.at;
  const match = pattern.exec(reader.text);
  if (!match) throw new Error(`type '${reader.text}': a name was expected at ${reader.at + 1}`);
  reader.at = pattern.lastIndex;
  while (reader.text[reader.at] === ' ') reader.at++;
  return match[0];
}

function expect(reader: Reader, sign: string): void {
  if (reader.text[reader.at] !== sign) throw new Error(`type '${reader.text}': '${sign}' was expected at ${reader.at + 1}`);
  reader.at++;
  while (reader.text[reader.at] === ' ') reader.at++;
}
