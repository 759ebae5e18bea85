// Brings everything that `npm start`, `npm run worker`, `npm run local`, `npm test`, `npm run bench`, `npm run chaos` and `npm run soak` need; changes nothing when
// all is there.
// node setup/setup.mjs [--tests] [--no-temporal] [--no-flink] [--no-bundles]
//   --tests        also what only the tests need: Chromium, Studio's own Flink, AWS's service models, the schema of docker-compose.yml
//   --no-temporal  not the Temporal server
//   --no-flink     not the Flink of the local AWS, which a worker on AWS does not need
//   --no-bundles   not the bundles of workflows and d2d, without which both are compiled at each start
// Plain enough for an old Node to get as far as the line that asks for a newer one.
import { nodeTooOld } from './node-version.mjs';

const complaint = nodeTooOld(process.versions.node);
if (complaint) {
  console.error(`set-up: ${complaint}`);
  process.exitCode = 1;
} else {
  void import('./prepare.mjs').then(({ prepare }) => prepare(process.argv.slice(2)));
}
