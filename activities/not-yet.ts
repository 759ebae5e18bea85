import { asyncLocalStorage, Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { type Pipeline, speedOf } from '../pipeline/spec.ts';
import { nextLook, type Seen } from '../pipeline/waiting.ts';
import { isNamed } from './errors.ts';

/** A failure that only means "try again": kept out of error logs and metrics by its category. */
export const notYet = (message: string, type = 'NotYet', nextRetryDelay?: number): ApplicationFailure =>
  ApplicationFailure.create({ message, type, category: ApplicationFailureCategory.BENIGN, nextRetryDelay });

/** The same of something that AWS is at: looked at again as often as waits of its length deserve, `seen` being the waits so far. */
export const underWay = (pipeline: Pipeline, message: string, seen?: Seen): ApplicationFailure =>
  notYet(message, 'NotYet', lookAgain(pipeline, seen));

/** Milliseconds until the next look of the activity that we are in; undefined outside of one. */
function lookAgain(pipeline: Pipeline, seen: Seen | undefined): number | undefined {
  if (!asyncLocalStorage.getStore()) return undefined;
  const { scheduledTimestampMs, attempt } = Context.current().info;
  return nextLook(Date.now() - scheduledTimestampMs, attempt, seen, speedOf(pipeline));
}

/** Runs a change of what was just seen; if the service says that it exists by now, or is gone, somebody was quicker, or that is not so: the caller is to look again. */
export async function retryIfLost<Answer>(change: Promise<Answer>, ...otherwise: string[]): Promise<Answer> {
  try {
    return await change;
  } catch (error) {
    if (isNamed(error, ...otherwise)) throw notYet((error as Error).message);
    throw error;
  }
}
