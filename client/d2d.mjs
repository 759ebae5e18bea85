#!/usr/bin/env node
import { runProgram } from '../setup/program.mjs';

await runProgram('index.cjs', new URL('index.ts', import.meta.url));
