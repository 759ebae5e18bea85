import type { HiveType } from '../glue/hive-type.ts';
import type { Rows } from './engine.ts';

type Cell = Rows['rows'][number][number];

/** A value as Athena writes it in its results: `1.0E10`, `{a=1, b=x}`, `[1, 2]`; null stays null. */
export function textOf(value: Cell, type: HiveType): string | null {
  if (value === null || value === undefined) return null;
  if (type.kind === 'array' && Array.isArray(value)) return `[${value.map((item) => textOf(item as Cell, type.of) ?? 'null').join(', ')}]`;
  if (type.kind === 'struct')
    return `{${type.fields.map((field) => `${field.name}=${textOf(fieldOf(value as object, field.name), field.type) ?? 'null'}`).join(', ')}}`;
  if (type.kind === 'map')
    return `{${Object.entries(value as object)
      .map(([key, item]) => `${key}=${textOf(item as Cell, type.value) ?? 'null'}`)
      .join(', ')}}`;
  if (type.kind === 'primitive' && (type.name === 'double' || type.name === 'float'))
    return javaDouble(value as number | string, type.name === 'float');
  if (type.kind === 'primitive' && type.name === 'binary') return String(value).replace(/(..)(?=.)/g, '$1 ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** A struct's keys are as the data writes them, its type's names in lower case. */
function fieldOf(value: object, name: string): Cell {
  const key = Object.keys(value).find((candidate) => candidate.toLowerCase() === name);
  return key === undefined ? null : (value as Record<string, Cell>)[key]!;
}

/** Java's text of a double: a point always, an exponent below 1E-3 and from 1E7 on. */
function javaDouble(value: number | string, isFloat: boolean): string {
  const number = Number(value);
  if (!Number.isFinite(number)) return String(value);
  if (number === 0) return Object.is(number, -0) ? '-0.0' : '0.0';
  const digits = isFloat ? String(Number(number.toPrecision(8))) : String(number);
  const size = Math.abs(number);
  if (size >= 1e-3 && size < 1e7) return digits.includes('.') ? digits : `${digits}.0`;
  const [mantissa = '', exponent = ''] = (isFloat ? Number(number.toPrecision(8)) : number).toExponential().split('e');
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${Number(exponent)}`;
}
