import { DescribeApplicationCommand } from '@aws-sdk/client-kinesis-analytics-v2';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Clients } from './aws.ts';
import { undefinedIfMissing } from './errors.ts';
import { textOf, windowSecondsIn } from './kinesis-analytics-v2/note.ts';
import { newestWindow } from './s3/metrics.ts';
import { ok, refused, type Verdict } from './verdict.ts';

/** Windows of two lengths would be counted twice, or not at all: their length is fixed from the first SQL on until the lake is gone. */
export async function windowLength(clients: Clients, pipeline: Pipeline): Promise<Verdict> {
  const { windowSeconds } = pipeline;
  const present = (await secondsOfSql(clients, pipeline)) ?? (await secondsInLake(clients, pipeline));
  if (present === undefined) return ok('there are none yet');
  if (present === windowSeconds) return ok(`they are ${present} s long`);
  return refused(
    `windowSeconds cannot change from ${present} to ${windowSeconds} while there are windows of ${present} s; take the pipeline down with its data (npx d2d down), or name the new one otherwise`,
  );
}

async function secondsOfSql({ kinesisAnalyticsV2 }: Clients, pipeline: Pipeline): Promise<number | undefined> {
  const ApplicationName = names(pipeline).application;
  const answer = await undefinedIfMissing(
    kinesisAnalyticsV2.send(new DescribeApplicationCommand({ ApplicationName })),
    'ResourceNotFoundException',
  );
  return windowSecondsIn(textOf(answer?.ApplicationDetail), pipeline);
}

/** Teams have tumbling windows only. */
async function secondsInLake(clients: Clients, pipeline: Pipeline): Promise<number | undefined> {
  const newest = await newestWindow(clients, pipeline, 'team_metrics');
  return newest && (newest.end - newest.start) / 1000;
}
