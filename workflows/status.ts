import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { dayOf } from '../pipeline/cost.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { PipelineStatus } from './messages.ts';
import { details, stateAttribute } from './story.ts';

/** The status of a pipeline of which nothing stands yet. */
export const initialStatus = (pipeline: Pipeline): PipelineStatus => ({
  pipeline,
  state: 'starting',
  stages: {},
  faults: {},
  created: [],
  adopted: {},
  generating: false,
  studioRuns: false,
  tables: false,
  paused: false,
  deep: false,
  desired: { paused: false, deep: false },
  closed: false,
  pauses: 0,
  waits: {},
  drifts: [],
  spent: { day: dayOf(Date.now()), dollars: 0, at: Date.now(), perHour: 0 },
});

/** Changes the state, and why it is so, and tells the Temporal UI. */
export function setState(status: PipelineStatus, state: PipelineStatus['state'], reason?: string): void {
  if (status.state !== state) upsertSearchAttributes([stateAttribute(state)]);
  status.state = state;
  status.reason = reason;
  publishDetails(status);
}

/** Shows the status in the Temporal UI. */
export const publishDetails = (status: PipelineStatus): void => setCurrentDetails(details(status));
