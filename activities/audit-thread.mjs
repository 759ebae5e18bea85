import { runProgram } from '../setup/program.mjs';

await runProgram('audit-thread', new URL('audit-thread.ts', import.meta.url));
