// node bundle-client.mjs FOLDER: bundles d2d into it, with what V8 compiles of it, and the threads of the worker with what they share.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { run } from './run.mjs';

const [outdir = ''] = process.argv.slice(2);
const pathOf = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
/** @type {import('esbuild').BuildOptions} */
const COMMON = {
  bundle: true,
  minify: true,
  keepNames: true,
  platform: 'node',
  target: 'node20',
  // Programs of their own, and what they load natively.
  external: ['@temporalio/worker', '@temporalio/core-bridge', '@duckdb/*', '@polyglot-sql/*', '@swc/*', 'esbuild', 'tsx', 'tsx/*'],
  logLevel: 'error',
};
// What CommonJS packages expect to be there.
const banner = [
  "import { createRequire as d2dRequire } from 'node:module';",
  "import { fileURLToPath as d2dPath } from 'node:url';",
  'const require = d2dRequire(import.meta.url);',
  'const __filename = d2dPath(import.meta.url);',
  "const __dirname = d2dPath(new URL('.', import.meta.url));",
].join('\n');
const d2d = join(outdir, 'index.cjs');
await Promise.all([
  build({
    ...COMMON,
    entryPoints: [pathOf('../client/index.ts')],
    outfile: d2d,
    format: 'cjs',
    // A script of node:vm cannot `import()`.
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'd2dUrl' },
    banner: { js: "'use strict'; const d2dUrl = require('node:url').pathToFileURL(__filename).href;" },
  }),
  build({
    ...COMMON,
    entryPoints: {
      'audit-thread': pathOf('../activities/audit/thread.ts'),
      'sender-thread': pathOf('../activities/kinesis/sender-thread.ts'),
    },
    outdir,
    outExtension: { '.js': '.mjs' },
    splitting: true,
    format: 'esm',
    banner: { js: banner },
  }),
]);

// A verb where nothing runs: it loads what most verbs need, and calls nobody.
const nowhere = await mkdtemp(join(tmpdir(), 'd2d-nowhere-'));
try {
  const others = Object.entries(process.env).filter(([name]) => !/^(TEMPORAL|AWS)_/.test(name));
  const env = { ...Object.fromEntries(others), DATA2DASHBOARD_STATE: nowhere };
  await run(process.execPath, [pathOf('record.mjs'), d2d, 'status'], { cwd: nowhere, env });
} finally {
  await rm(nowhere, { recursive: true });
}
