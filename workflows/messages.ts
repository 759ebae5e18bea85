import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Game } from '../pipeline/event.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';

/** How far a stage has come. */
export type StageState = 'waiting' | 'working' | 'ready' | 'failed';

/** What the generator has done so far; counts of events, heartbeats apart. */
export interface GeneratorState {
  state: 'running' | 'paused' | 'finished' | 'stopped';
  game: Game;
  /** Every event below this number is acknowledged by Kinesis. */
  acknowledged: number;
  heartbeats: number;
  total?: number;
}

/** The state of the SQL in the Studio notebook. */
export interface NotebookState {
  state: 'starting' | 'running' | 'stopped';
  /** How often the note had to be run again. */
  restarts: number;
  /** In words, while not running. */
  reason?: string;
}

/** The whole picture of one pipeline. */
export interface PipelineStatus {
  /** As it was started. */
  pipeline: Pipeline;
  state: 'starting' | 'running' | 'paused' | 'held' | 'taking down' | 'gone';
  /** Why it is held, in AWS's own words behind what was tried. */
  reason?: string;
  stages: Partial<Record<Stage, StageState>>;
  /** True once there is a generator. */
  generating: boolean;
  /** True once the first crawl has made the tables. */
  tables: boolean;
  /** What the generator was told last. */
  paused: boolean;
  /** Milliseconds since the epoch, when everything first stood. */
  readyAt?: number;
}

/** What take-down left behind: labels of things that are still there. Empty is what it promises. */
export interface Leftovers {
  left: string[];
}

/** Stops generation at once, and the schedules with it; heartbeats go on until the last window has closed. */
export const pause = defineSignal('pause');
/** Goes on where pause stopped, without loss or repeat. */
export const resume = defineSignal('resume');
/** Tries a held pipeline again, from where it broke. */
export const retry = defineSignal('retry');
/** Ends a workflow that otherwise runs on (generator, notebook). */
export const stop = defineSignal('stop');
/** From the provisioning workflow to its pipeline: a stage has moved. */
export const stageMoved = defineSignal<[Stage, StageState]>('stageMoved');
/** Takes everything down and answers with what is left. */
export const teardown = defineUpdate<Leftovers>('teardown');
/** The whole picture. */
export const status = defineQuery<PipelineStatus>('status');
/** The generator's counts. */
export const generatorStatus = defineQuery<GeneratorState>('generatorStatus');
/** The notebook's state. */
export const notebookStatus = defineQuery<NotebookState>('notebookStatus');
