import { runCompiled } from './compiled.mjs';
import { bundled } from './steps/bundles.mjs';
import { projectRoot } from './tools.mjs';

/**
 * Runs a program as set-up has bundled it ahead; without that, or when a source has changed since, from its TypeScript.
 * @param {import('./steps/bundles.mjs').Program} program
 * @param {URL} source
 */
export async function runProgram(program, source) {
  const bundle = bundled(projectRoot, program);
  if (bundle) return bundle.endsWith('.cjs') ? void runCompiled(bundle) : import(bundle);
  const { register } = await import('tsx/esm/api');
  register();
  return import(source.href);
}
