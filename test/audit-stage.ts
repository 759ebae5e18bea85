import { afterAll, beforeAll } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { auditActivities } from '../activities/audit/audit.ts';
import { auditScopeActivities } from '../activities/audit/scope.ts';
import { type Clients, clients } from '../activities/aws.ts';
import type { Local } from '../local/start.ts';
import { HOUR_MS } from '../pipeline/time.ts';
import { audited, standing } from './audit-lake.ts';
import { localAws } from './local-aws.ts';

/** A quiet game of this name, whose lake, stream and ledger a suite that imports this finds. */
export const quiet = audited('quiet', Math.floor(Date.now() / HOUR_MS - 5) * HOUR_MS + 3_000);

/** Milliseconds since the epoch, when the suite began. */
export const began = Date.now();
export let local: Local;
export let aws: Clients;
export let act: ReturnType<typeof auditActivities> & ReturnType<typeof auditScopeActivities>;

beforeAll(async () => {
  local = await localAws();
  aws = clients(local);
  const { region, endpoint, credentials } = local;
  act = { ...auditActivities(aws, { region, endpoint, credentials }), ...auditScopeActivities(aws) };
  await standing(aws, quiet);
});
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

let activities = 0;
/** Does an activity's work, as an activity of its own. */
export const doing = <Result>(work: () => Promise<Result>): Promise<Result> =>
  new MockActivityEnvironment({ activityId: String(activities++) }).run(work) as Promise<Result>;
