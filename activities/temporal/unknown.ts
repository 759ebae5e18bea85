import { ScheduleNotFoundError, WorkflowNotFoundError } from '@temporalio/client';

/** Runs a question or a command about a workflow or a schedule; undefined when Temporal knows none of that id, or the workflow has ended. */
export async function undefinedIfUnknown<Value>(question: Promise<Value>): Promise<Value | undefined> {
  try {
    return await question;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError || error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}
