import { TestWorkflowEnvironment } from '@temporalio/testing';
import { toolPaths } from '../setup/tools.mjs';
import { SEARCH_ATTRIBUTES } from '../workflows/story.ts';

/** The SDK gives a server five seconds to start, which on a busy machine is too few now and then. */
const TRIES = 4;

/** A Temporal server of its own for a test, with the product's search attributes; `identity` is that of its client. */
export async function temporalServer(identity?: string): Promise<TestWorkflowEnvironment> {
  for (let tries = 1; ; tries++) {
    try {
      return await TestWorkflowEnvironment.createLocal({
        ...(identity !== undefined && { client: { identity } }),
        server: { executable: { type: 'existing-path', path: toolPaths().temporal! }, searchAttributes: SEARCH_ATTRIBUTES },
      });
    } catch (error) {
      if (tries === TRIES || !(error as Error).message.includes('did not start within')) throw error;
    }
  }
}
