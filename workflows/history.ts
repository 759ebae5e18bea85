import { workflowInfo } from '@temporalio/workflow';

/** True once a run's history has more events than `limit`, or has grown so large that Temporal suggests to continue as new. */
export const isHistoryLong = (limit: number): boolean => workflowInfo().historyLength > limit || workflowInfo().continueAsNewSuggested;
