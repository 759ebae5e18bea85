import { runProgram } from '../../setup/program.mjs';

await runProgram('audit-thread.mjs', new URL('thread.ts', import.meta.url));
