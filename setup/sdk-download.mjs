// node sdk-download.mjs FOLDER: has the Temporal SDK download its development server into the folder, and starts it once to see that it runs.
import { mkdirSync } from 'node:fs';
import { TestWorkflowEnvironment } from '@temporalio/testing';

const [downloadDir = ''] = process.argv.slice(2);
mkdirSync(downloadDir, { recursive: true });
const environment = await TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'cached-download', downloadDir } } });
await environment.teardown();
