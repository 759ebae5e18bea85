import { workflowInfo } from '@temporalio/workflow';

/**
 * True when this run of a workflow should continue as new: its history has more than `limit` events, or the server suggests it. The server does so only at about
 * 4,100 events, while a worker that takes the workflow up replays all of them before it answers a query or an update: a limit of a thousand or two keeps that short.
 */
export function isHistoryLong(limit: number): boolean {
  const { historyLength, continueAsNewSuggested } = workflowInfo();
  return historyLength > limit || continueAsNewSuggested;
}
