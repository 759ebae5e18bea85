// node bundle-client.mjs FOLDER: bundles the verbs of d2d into it, a file a verb, the threads of the worker, and what all of them share.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const [outdir = ''] = process.argv.slice(2);
const PROGRAMS = {
  index: '../client/index.ts',
  'audit-thread': '../activities/audit/thread.ts',
  'sender-thread': '../activities/kinesis/sender-thread.ts',
};
// What CommonJS packages expect to be there.
const banner = [
  "import { createRequire as d2dRequire } from 'node:module';",
  "import { fileURLToPath as d2dPath } from 'node:url';",
  'const require = d2dRequire(import.meta.url);',
  'const __filename = d2dPath(import.meta.url);',
  "const __dirname = d2dPath(new URL('.', import.meta.url));",
].join('\n');
await build({
  entryPoints: Object.fromEntries(Object.entries(PROGRAMS).map(([name, path]) => [name, fileURLToPath(new URL(path, import.meta.url))])),
  outdir,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  minify: true,
  keepNames: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Programs of their own, and what they load natively.
  external: ['@temporalio/worker', '@temporalio/core-bridge', '@duckdb/*', '@polyglot-sql/*', '@swc/*', 'esbuild', 'tsx', 'tsx/*'],
  banner: { js: banner },
  logLevel: 'error',
});
