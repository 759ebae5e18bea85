import { isDeepStrictEqual } from 'node:util';
import type { Policy } from './policies.ts';

/** True when a policy as AWS gives it back (JSON text, lists of one made single, order changed) says the same as `wanted`. */
export function samePolicy(reported: string | undefined, wanted: Policy): boolean {
  if (reported === undefined) return false;
  return isDeepStrictEqual(canonical(JSON.parse(reported)), canonical(wanted));
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 1 ? canonical(value[0]) : value.map(canonical).sort(byText);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, canonical(part)]));
}

const byText = (a: unknown, b: unknown) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
