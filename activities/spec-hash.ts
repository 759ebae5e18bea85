import { createHash } from 'node:crypto';
import type { Pipeline } from '../pipeline/spec.ts';

/** SHA-256 of a spec, in hex: the same for equal specs, in whatever order their fields were written. */
export const specHash = (pipeline: Pipeline): string => hashOf(pipeline);

/** The same of anything that JSON can tell. */
export const hashOf = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('hex');

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
