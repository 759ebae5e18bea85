import type { Client } from '@temporalio/client';
import { overBudget } from '../pipeline/cost.ts';
import { questions } from './athena/query.ts';
import { auditing } from './audit.ts';
import { scoping } from './audit-scope.ts';
import { clients, type Target } from './aws.ts';
import { crawling } from './glue/crawl.ts';
import { inventory } from './inventory.ts';
import { generator } from './kinesis/generate.ts';
import { notebook } from './kinesis-analytics-v2/notebook.ts';
import { preflight } from './preflight.ts';
import { refreshing } from './quicksight/refresh.ts';
import { resources, stageActivities } from './registry.ts';
import { lake } from './s3/lake.ts';
import { lastAudit } from './s3/last-audit.ts';
import { ledger } from './s3/ledger.ts';
import { surveying } from './survey.ts';
import { surplusSchedules, temporal } from './temporal/schedules.ts';

/** All activities of the product, by the names that the Temporal UI shows. */
export function createActivities({ target: given, client, taskQueue }: { target: Target; client: Client; taskQueue: string }) {
  const target: Target = { ...given, app: 'worker' };
  const aws = clients(target);
  return {
    ...stageActivities(aws),
    ...generator(target, aws.kinesis),
    ...notebook(aws),
    ...crawling(aws),
    ...lake(aws),
    ...ledger(aws),
    ...questions(aws),
    ...refreshing(aws),
    ...auditing(aws, target),
    ...lastAudit(aws),
    ...scoping(aws),
    ...temporal(client, taskQueue),
    ...preflight(aws),
    'budget.excess': async (...spent: Parameters<typeof overBudget>) => overBudget(...spent),
    ...surveying(resources(aws), async (pipeline) => (await surplusSchedules(client, pipeline)).map((id) => `schedule ${id}`)),
    ...inventory(aws, resources(aws)),
  };
}

export type Activities = ReturnType<typeof createActivities>;
