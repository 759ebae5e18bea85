import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Check } from '../activities/preflight.ts';
import type { Consent, Difference, Survey } from '../activities/resource.ts';
import type { TimeBase } from '../pipeline/ledger.ts';
import type { Rate } from '../pipeline/rate.ts';
import type { Game } from '../pipeline/simulation.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import type { Standing } from '../pipeline/standing-cost.ts';
import type { Seen, Waits } from '../pipeline/waiting.ts';

/** How far a stage has come. */
export type StageState = 'waiting' | 'working' | 'ready' | 'failed' | 'drifted';

/** What the generator has done so far; counts of events, heartbeats apart. */
export interface GeneratorState {
  state: 'running' | 'paused' | 'finished' | 'stopped';
  game: Game;
  /** Of each lane: every event below this number is acknowledged by Kinesis. */
  lanes: number[];
  /** Their sum, and what earlier games sent. */
  acknowledged: number;
  heartbeats: number;
  /** Events that may have been sent twice, since nobody knew what had become of them. */
  resent: number;
  /** Records that Kinesis would have refused for their size, and were not sent. */
  oversized: number;
  /** What is sent a second, in words. */
  rate: string;
  total?: number;
  /** Why sending, or writing down what was sent, has failed again and again and is still being tried. */
  failing?: string;
}

/** The state of the SQL in the Studio notebook. */
export interface NotebookState {
  state: 'starting' | 'running' | 'stopped' | 'suspended';
  /** How often the note had to be run again. */
  restarts: number;
  /** The latest of these, milliseconds since the epoch, and what had been found. */
  lastRestart?: { at: number; reason: string };
  /** In words: why it does not run, or why no windows come out though it does, or only late. */
  reason?: string;
  /** In words: which windows will be missing, whatever the SQL does. */
  gap?: string;
}

/** What bringing up or changing a pipeline did: stages by outcome, and calls to AWS. */
export interface Tally {
  created: number;
  changed: number;
  unchanged: number;
  calls: number;
  mutatingCalls: number;
  seconds: number;
}

/** What was found otherwise than the spec wants it, and what was done about it. Times in milliseconds since the epoch. */
export interface Drift {
  label: string;
  differences: Difference[];
  missing: boolean;
  at: number;
  done: 'healed' | 'reported' | 'failed';
}

/** The whole status of one pipeline. */
export interface PipelineStatus {
  /** As it is wanted now. */
  pipeline: Pipeline;
  /** As it last came up whole: what a rollback goes back to. */
  lastApplied?: Pipeline;
  state: 'starting' | 'running' | 'paused' | 'held' | 'applying' | 'rolling back' | 'taking down' | 'gone';
  /** Why it is held or paused by itself, in AWS's own words behind what was tried. */
  reason?: string;
  /** Why the latest request was taken back, and what of things that it had taken over is not as it was. */
  rolledBack?: string;
  /** Why it paused by itself; until it is resumed. */
  overBudget?: string;
  stages: Partial<Record<Stage, StageState>>;
  /** What AWS said of the stages that failed. */
  faults: Partial<Record<Stage, string>>;
  /** The stages that did not exist before this run: what a rollback of a first run takes away. */
  created: Stage[];
  /** What taking over a stage found otherwise, of those that this run took over: what a rollback gives back. */
  adopted: Partial<Record<Stage, Difference[]>>;
  /** The request that is carried out next, or just now. */
  pending?: ApplyRequest;
  /**
   * True while a request of the user is held, since it failed or was broken off: part of what stands is by it and part by the spec before, which is for the user to
   * decide.
   */
  requestHeld?: boolean;
  /** True while it brings back what was found otherwise, by its own request. */
  healing?: boolean;
  /** True once a take-down has begun: what it took away is not made again unless the user asks for it. */
  teardownBegun?: boolean;
  /** What a take-down that keeps the data has found not to be in the lake, in words; there once that was looked for. */
  unsaved?: string[];
  /** What the user asks for; `paused` and `deep` follow as soon as there is a generator and an application to tell. */
  desired: { paused: boolean; deep: boolean };
  /** True while what the user asks for may have gone through only in part: all is told once more. */
  partlyTold?: boolean;
  /** True once there is a generator. */
  generating: boolean;
  /** True once the Studio application has been asked to start. */
  studioRuns: boolean;
  /** True once the first crawl has made the tables. */
  tables: boolean;
  /** What the generator was told last. */
  paused: boolean;
  /** True while the Studio application is stopped too. */
  deep: boolean;
  /** True once the generator, paused or finished, has seen every window closed. */
  closed: boolean;
  /** True while the generator is to send nothing, whatever the user wants: what brings the events to the lake is being changed, or does not stand. */
  eventsHeld?: boolean;
  /** When all that carries the rows of the metrics was last seen to stand; milliseconds since the epoch. */
  rowsStoodAt?: number;
  /** From when on rows may have gone with what carried them, until the SQL is told to make them anew; milliseconds since the epoch. */
  rowsLostFrom?: number;
  /** The rate that the generator sends at in place of the spec's, since the user said so. */
  rateOverride?: Rate;
  /** How often the generator was paused: it gives the number back when the windows are closed. */
  pauses: number;
  /** Milliseconds since the epoch, when everything first stood. */
  readyAt?: number;
  /** Of the latest bringing up or change. */
  tally?: Tally;
  /** The waits seen until stages that were made were ready. */
  waits: Waits;
  /** Until crawls that make the first tables had ended. */
  crawls?: Seen;
  /** What the latest audit came to. */
  audit?: AuditSummary;
  /** The latest drifts, oldest first. */
  drifts: Drift[];
  /** Milliseconds since the epoch, when drift was last looked for. */
  lookedAt?: number;
  /** Why the latest look at drift and cost failed; the next one that goes through clears it. */
  lookFault?: string;
  /** US dollars of this day (UTC, as 2026-01-31) by the price table, added up to `at`; `waived`: the budget of this day over which the user lets it go on. */
  spent: { day: string; dollars: number; at: number; perHour: number; waived?: number };
  /** The memo of the workflow. */
  memo?: { specHash: string };
}

/** What would be done, before it is: each stage, and the account's checks. */
export interface PlanReport {
  stages: Record<Stage, Survey>;
  /** Labels of what would be taken away. */
  removed: string[];
  checks: Check[];
  calls: number;
  mutatingCalls: number;
  /** In the answer to a request: it changes nothing, and nothing else is under way. Absent in answers of earlier versions. */
  isSettled?: boolean;
}

/** What the latest audit came to; `faults` are the first few things that did not agree. Times in milliseconds since the epoch. */
export interface AuditSummary {
  at: number;
  generated: number;
  /** Absent in those of earlier versions. */
  acknowledged?: number;
  lost: number;
  /** Absent where it could not be counted. */
  duplicates?: number;
  windowsWrong?: number;
  faults: string[];
}

/** A thing that take-down left behind. */
export interface Leftover {
  label: string;
  arn?: string;
  why: string;
  /** What it costs on AWS while it stands; undefined where it could not be looked at. */
  costs?: Standing;
}

/** What take-down left behind; nothing is what it promises. */
export interface Leftovers {
  left: Leftover[];
  /** In words: what did not come into the lake in time, of data that was to be kept. */
  unsaved?: string[];
  /** What of the account could not be asked for its tags, though nothing speaks for its being ours. */
  unseen?: string[];
}

/** What a spec is asked to be applied with. */
export interface ApplyRequest {
  pipeline: Pipeline;
  consent?: Consent;
  /** When it fails, or is cancelled midway, what it made is taken away again. */
  rollback?: boolean;
  /** The pipeline's own request to have things as they were: what the user set live meanwhile stays. */
  heals?: boolean;
}

/**
 * Stops generation at once, and the schedules with it; heartbeats go on until the last window has closed. Deep: then the Studio application is stopped too. `count`
 * comes back in `windowsClosed`.
 */
export const pause = defineSignal<[{ deep?: boolean; count?: number }?]>('pause');
/** Goes on where pause stopped, without loss or repeat. */
export const resume = defineSignal('resume');
/** Breaks off bringing up or changing; what was made stays, or with `rollback` is taken away, of a pipeline that stood taken back to what it was. */
export const breakOff = defineSignal<[{ rollback: boolean }]>('breakOff');
/** From the provisioning workflow to its pipeline: a stage has moved, with AWS's words if it failed. */
export const stageMoved = defineSignal<[Stage, StageState, string?]>('stageMoved');
/** From the notebook's keeper to its pipeline: whether the Studio application, the largest cost, runs. */
export const applicationRuns = defineSignal<[boolean]>('applicationRuns');
/** From the generator to its pipeline: it is paused (by the pause of this count) or finished, and every window up to its latest event has been closed. */
export const windowsClosed = defineSignal<[number]>('windowsClosed');
/** From the generator to its pipeline: the user had it send at another rate. */
export const rateChanged = defineSignal<[Rate]>('rateChanged');
/**
 * To a running generator or notebook: the spec, which may have changed; one that the user applied brings its rate back. `rowsLostFrom`: since when rows of the metrics
 * may be lost, so that the SQL has to make them anew; milliseconds since the epoch.
 */
export const updateSpec = defineSignal<[Pipeline, { applied: boolean; rowsLostFrom?: number }?]>('updateSpec');
/** To the notebook: stop the Studio application, until `resume`. */
export const suspend = defineSignal('suspend');
/** Applies a spec to the running pipeline: refused, or answered with the plan that is being carried out. */
export const apply = defineUpdate<PlanReport, [ApplyRequest]>('apply');
/** From an audit to its pipeline: what it came to. */
export const auditFinished = defineSignal<[AuditSummary]>('auditFinished');
/**
 * Up to when a generator has written its ledger down (milliseconds since the epoch), and whether it goes on sending: of one that is paused, or has sent its total,
 * that is so until its windows are closed and what was held back is sent and written down.
 */
export interface LedgerFlush {
  at: number;
  sending: boolean;
}
/**
 * With how far a generator had come by then: its game, the number of the next event of each lane, all before being acknowledged, and its latest time bases; and when
 * its latest event happened (milliseconds since the epoch; 0 before the first).
 */
export interface FlushedLedger extends LedgerFlush {
  game: Game;
  lanes: number[];
  bases: TimeBase[][];
  last: number;
}
/** Has a running generator send at another rate, until the spec is applied again; answers with it in words. */
export const setRate = defineUpdate<string, [Rate]>('setRate');
/** Has the generator write down its ledger up to now. */
export const flushLedger = defineUpdate<FlushedLedger>('flushLedger');
/** Takes everything down, or all but the data, and answers with what is left; asked while that is under way, joins it. */
export const teardown = defineUpdate<Leftovers, [{ keepData: boolean }]>('teardown');
/** Why a take-down is refused: one is under way that does otherwise with the data. */
export const alreadyEnding = ({ name }: Pick<Pipeline, 'name'>, keepData: boolean): string =>
  `Pipeline ${name} is already being taken down, ${keepData ? 'all but its data' : 'its data too'}; try again once that is done`;
/** The whole status. */
export const statusQuery = defineQuery<PipelineStatus>('status');
/** The generator's counts. */
export const generatorQuery = defineQuery<GeneratorState>('generatorStatus');
/** The notebook's state. */
export const notebookQuery = defineQuery<NotebookState>('notebookStatus');
