// npm run worker: a worker by itself, on the Temporal server and the AWS that the environment names; npm start runs one, too.
import { runWorker } from './run.ts';

await runWorker();
