// node record.mjs FILE [ARGUMENT...]: runs a CommonJS file to its end, whatever that is, and keeps what V8 has compiled of it until then for its next runs.
import { writeFileSync } from 'node:fs';
import { compiledOf, runCompiled } from './compiled.mjs';

const [node = '', , file = '', ...args] = process.argv;
process.argv = [node, file, ...args];
const script = runCompiled(file);
process.on('exit', () => {
  writeFileSync(compiledOf(file), script.createCachedData());
  process.exitCode = 0;
});
