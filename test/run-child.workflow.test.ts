import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { begin, cancel, haveEnded, type runsChildren } from './cancelled-child.ts';
import { env } from './stage.ts';
import { workerIn } from './temporal-server.ts';

it('a child that is cancelled while Temporal starts it ends, whatever ran under its name before', async () => {
  const worker = await workerIn(env, {
    taskQueue: 'children',
    workflowsPath: fileURLToPath(new URL('cancelled-child.ts', import.meta.url)),
  });
  await worker.runUntil(async () => {
    const parent = await env.client.workflow.start<typeof runsChildren>('runsChildren', {
      taskQueue: 'children',
      workflowId: 'parent',
      args: [60],
    });
    for (let round = 1; round <= 8; round++) {
      await parent.executeUpdate(begin);
      await parent.signal(cancel);
      expect([round, await parent.executeUpdate(haveEnded)]).toEqual([round, true]);
    }
    await parent.terminate();
  });
});
