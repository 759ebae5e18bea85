#!/usr/bin/env node
import { bundled } from '../setup/steps/bundles.mjs';
import { projectRoot } from '../setup/tools.mjs';

// Bundled ahead by set-up; without that, or when a source has changed since, from the sources.
const bundle = bundled(projectRoot, 'index');
if (bundle) await import(bundle);
else {
  const { register } = await import('tsx/esm/api');
  register();
  await import('./index.ts');
}
