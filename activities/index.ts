import type { Client } from '@temporalio/client';
import { overBudget } from '../pipeline/cost.ts';
import { queryActivities } from './athena/query.ts';
import { auditActivities } from './audit/audit.ts';
import { auditScopeActivities } from './audit/scope.ts';
import { clients, quicksightIn, type Target } from './aws.ts';
import { crawlActivities } from './glue/crawl.ts';
import { inventoryActivities } from './inventory.ts';
import { generatorActivities } from './kinesis/generate.ts';
import { notebookActivities } from './kinesis-analytics-v2/notebook.ts';
import { preflight } from './preflight.ts';
import { refreshActivities } from './quicksight/refresh.ts';
import { resources, stageActivities } from './registry.ts';
import { lake } from './s3/lake.ts';
import { lastAudit } from './s3/last-audit.ts';
import { ledger } from './s3/ledger.ts';
import { surveyActivities } from './survey.ts';
import { surplusSchedules, temporal } from './temporal/schedules.ts';

/** All activities of the product, by the names that the Temporal UI shows. */
export function createActivities({ target: given, client, taskQueue }: { target: Target; client: Client; taskQueue: string }) {
  const target: Target = { ...given, app: 'worker' };
  const aws = clients(target);
  return {
    ...stageActivities(aws),
    ...generatorActivities(target, aws.kinesis),
    ...notebookActivities(aws),
    ...crawlActivities(aws),
    ...lake(aws),
    ...ledger(aws),
    ...queryActivities(aws),
    ...refreshActivities(aws),
    ...auditActivities(aws, target),
    ...lastAudit(aws),
    ...auditScopeActivities(aws),
    ...temporal(client, taskQueue),
    ...preflight(aws, quicksightIn(target)),
    'budget.excess': async (...spent: Parameters<typeof overBudget>) => overBudget(...spent),
    ...surveyActivities(resources(aws), async (pipeline) => (await surplusSchedules(client, pipeline)).map((id) => `schedule ${id}`)),
    ...inventoryActivities(aws, resources(aws)),
  };
}

export type Activities = ReturnType<typeof createActivities>;
