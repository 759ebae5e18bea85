import { runProgram } from '../../setup/program.mjs';

await runProgram('sender-thread', new URL('sender-thread.ts', import.meta.url));
