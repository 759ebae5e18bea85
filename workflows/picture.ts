import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { dayOf } from '../pipeline/cost.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { PipelineStatus } from './messages.ts';
import { details, stateAttribute } from './story.ts';

/** The picture of a pipeline of which nothing stands yet. */
export const born = (pipeline: Pipeline): PipelineStatus => ({
  pipeline,
  state: 'starting',
  stages: {},
  faults: {},
  made: [],
  adopted: {},
  generating: false,
  studioRuns: false,
  tables: false,
  paused: false,
  deep: false,
  closed: false,
  pauses: 0,
  waits: {},
  drifts: [],
  spent: { day: dayOf(Date.now()), dollars: 0, at: Date.now(), perHour: 0 },
});

/** Changes the state, and why it is so, and tells the Temporal UI. */
export function rename(picture: PipelineStatus, state: PipelineStatus['state'], reason?: string): void {
  if (picture.state !== state) upsertSearchAttributes([stateAttribute(state)]);
  picture.state = state;
  picture.reason = reason;
  tell(picture);
}

/** Shows the picture in the Temporal UI. */
export const tell = (picture: PipelineStatus): void => setCurrentDetails(details(picture));
