import type { Client, WorkflowHandle } from '@temporalio/client';
import type { Pipeline } from '../pipeline/spec.ts';
import type { World } from './world.ts';

/** Where a scene plays: a server, a worker with the activities of an account in memory, and a pipeline of its own. */
export interface Stage {
  client: Client;
  account: World;
  pipeline: Pipeline;
  /** Changes what an activity of this scene's worker does. */
  acts(changed: Record<string, (...args: never[]) => unknown>): void;
  /** Starts a workflow of this type; its id begins with the pipeline's name. */
  start(type: string, id: string, ...args: unknown[]): Promise<WorkflowHandle>;
  until<Value>(look: () => Promise<Value>, isSo: (value: Value) => boolean): Promise<Value>;
}

/** A scene, and the workflow types whose histories it is played for. */
export interface Scene {
  keeps: string[];
  spec?: object;
  play(stage: Stage): Promise<void>;
}

/** Waits for work that has to fail. */
export const failed = (work: Promise<unknown>) =>
  work.then(
    () => Promise.reject(new Error('it was to fail')),
    () => undefined,
  );
/** Throws what `errors` still holds, one a call, then returns `value`. */
export const after =
  (errors: Error[], value: unknown = undefined) =>
  async () => {
    const error = errors.shift();
    if (error) throw error;
    return value;
  };
