// Brings everything that `npm start`, `npm test`, `npm run local` and `npm run bench` need; changes nothing when all is there.
// node setup/setup.mjs [--browser] [--no-temporal]   (--browser: what only the tests need)
// Plain enough for an old Node to get as far as the line that asks for a newer one.
import { nodeTooOld } from './node-version.mjs';

const complaint = nodeTooOld(process.versions.node);
if (complaint) {
  console.error(`set-up: ${complaint}`);
  process.exitCode = 1;
} else {
  void import('./prepare.mjs').then(({ prepare }) => prepare(process.argv.slice(2)));
}
