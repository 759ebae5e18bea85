import { bundled } from '../setup/steps/bundles.mjs';
import { projectRoot } from '../setup/tools.mjs';

// Bundled ahead by set-up; without that, or when a source has changed since, from the sources: a thread inherits no loader.
const bundle = bundled(projectRoot, 'audit-thread');
if (bundle) await import(bundle);
else {
  const { register } = await import('tsx/esm/api');
  register();
  await import('./audit-thread.ts');
}
