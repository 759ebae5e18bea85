import { runProgram } from '../../setup/program.mjs';

await runProgram('sender-thread.mjs', new URL('sender-thread.ts', import.meta.url));
