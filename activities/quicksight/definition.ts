import { createHash } from 'node:crypto';
import { dashboardDefinition } from '../../pipeline/dashboard.ts';
import type { Pipeline } from '../../pipeline/spec.ts';

/** Tells one definition from another. QuickSight gives a definition back with defaults of its own filled in, so the two are never compared themselves. */
export const definitionHash = (pipeline: Pipeline): string =>
  createHash('sha256')
    .update(JSON.stringify(dashboardDefinition(pipeline)))
    .digest('hex');
