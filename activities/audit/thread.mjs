import { runProgram } from '../../setup/program.mjs';

await runProgram('audit-thread', new URL('thread.ts', import.meta.url));
