import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartQueryExecutionCommand } from '@aws-sdk/client-athena';
import { StartCrawlerCommand } from '@aws-sdk/client-glue';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Clients, clients } from '../activities/aws.ts';
import { youngRole } from '../activities/iam/young-role.ts';
import { resources } from '../activities/registry.ts';
import { type Resource, steps } from '../activities/resource.ts';
import { type Local, startLocal } from '../local/start.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import { eventually } from './eventually.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'stopped' }), account: '000000000000' };
const n = names(pipeline);
const FOR_EVER_MS = 600_000;

let dir: string;
let local: Local;
let aws: Clients;
const of = (stage: Stage) => steps(resources(aws)[stage] as unknown as Resource, youngRole(aws));
/** Takes a stage away, and gives the calls that changed something. */
async function removed(stage: Stage): Promise<string[]> {
  local.calls.clear();
  await eventually(() => of(stage).remove(pipeline));
  await eventually(() => of(stage).gone(pipeline));
  return local.calls
    .all()
    .map(({ operation }) => operation)
    .filter((operation) => !/^(Get|List|Describe|Head|BatchGet)/.test(operation));
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'd2d-stop-'));
  local = await startLocal({ dir, log: () => undefined, durations: { query: FOR_EVER_MS, crawl: FOR_EVER_MS } });
  aws = clients(local);
  for (const stage of ['bucket', 'crawlerRole', 'lakeDatabase', 'crawler', 'workgroup'] as const) {
    await eventually(() => of(stage).ensure(pipeline));
    await eventually(() => of(stage).ready(pipeline));
  }
}, 60_000);
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
  await rm(dir, { recursive: true });
});

it('every query that runs or waits is stopped before its workgroup goes, on however many pages they are', async () => {
  const queries = Array.from({ length: 60 }, (_, i) => `SELECT ${i}`);
  for (const QueryString of queries) await aws.athena.send(new StartQueryExecutionCommand({ QueryString, WorkGroup: n.workgroup }));
  expect(await removed('workgroup')).toEqual([...queries.map(() => 'StopQueryExecution'), 'DeleteWorkGroup']);
});

it('a crawl that runs is stopped before its crawler goes', async () => {
  await aws.glue.send(new StartCrawlerCommand({ Name: n.crawler }));
  expect(await removed('crawler')).toEqual(['StopCrawler', 'DeleteLogStream', 'DeleteCrawler']);
});
