import { bundled } from './steps/bundles.mjs';
import { projectRoot } from './tools.mjs';

/**
 * Runs a program as set-up has bundled it ahead; without that, or when a source has changed since, from its TypeScript.
 * @param {'index' | 'audit-thread' | 'sender-thread'} program
 * @param {URL} source
 */
export async function runProgram(program, source) {
  const bundle = bundled(projectRoot, program);
  if (bundle) return import(bundle);
  const { register } = await import('tsx/esm/api');
  register();
  return import(source.href);
}
