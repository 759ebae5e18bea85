import { CancellationScope, condition, defineSignal, defineUpdate, setHandler } from '@temporalio/workflow';
import { runChild } from '../workflows/run-child.ts';

/** Has children start. */
export const begin = defineUpdate('begin');
export const cancel = defineSignal('cancel');
/** True once all children have ended, false if they do not within a minute. */
export const haveEnded = defineUpdate<boolean>('haveEnded');

/** Ends only when it is cancelled. */
export const endless = (): Promise<void> => condition(() => false);

/** Runs children under the same names each time that it is told to, cancels them when it is told to, and lives until they do not end. */
export async function runsChildren(count: number): Promise<void> {
  let scope = new CancellationScope();
  let running = 0;
  let isOver = false;
  setHandler(begin, () => {
    scope = new CancellationScope();
    for (let i = 0; i < count; i++) {
      running++;
      scope.run(() => runChild(endless, { workflowId: `child-${i}` })).catch(() => running--);
    }
  });
  setHandler(cancel, () => scope.cancel());
  setHandler(haveEnded, async () => {
    const ended = await condition(() => running === 0, '1 minute');
    isOver = !ended;
    return ended;
  });
  await condition(() => isOver);
}
