import { asyncLocalStorage, Context } from '@temporalio/activity';
import { type Pipeline, speedOf } from '../pipeline/spec.ts';

/** How long the activity that we are in has been tried, all attempts together, in milliseconds of AWS's time; 0 outside of one. */
export function elapsed(pipeline: Pipeline): number {
  if (!asyncLocalStorage.getStore()) return 0;
  return (Date.now() - Context.current().info.scheduledTimestampMs) * speedOf(pipeline);
}
