import {
  type ApplicationOperationInfo,
  DescribeApplicationOperationCommand,
  type KinesisAnalyticsV2Client,
  ListApplicationOperationsCommand,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { ApplicationFailure } from '@temporalio/common';
import { names } from '../../pipeline/names.ts';
import { type Pipeline, speedOf } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { awsNow } from '../clock.ts';
import { elapsed } from '../elapsed.ts';
import { adviceByAge } from '../iam/young-role.ts';
import { underWay } from '../not-yet.ts';
import { pages } from '../pages.ts';

/** A start that began this long, in milliseconds, before the activity that waits for it was not the one that it waits for. */
const ASKED_WITHIN_MS = 15 * 60_000;

/** A start that failed: it is tried anew in any case. Who lacks a permission is named; while the application's role is young that may be all that is missing. */
export async function startFailed(clients: Clients, pipeline: Pipeline, reason = 'AWS gave no reason'): Promise<ApplicationFailure> {
  const { application } = names(pipeline);
  const said = { message: reason, operation: 'kinesisanalytics:StartApplication' };
  const advice = (await adviceByAge(clients, said, pipeline, 'studio')) ?? '(it is tried again)';
  return ApplicationFailure.nonRetryable(`application ${application} did not start: ${reason} ${advice}`, 'StartFailed');
}

/** Why the start that the activity waits for came to nothing, as far as AWS tells: what an earlier one failed of is over. "Not yet" if it has not. */
export async function whyNotStarted(client: KinesisAnalyticsV2Client, pipeline: Pipeline): Promise<string | undefined> {
  const latest = await latestStart(client, pipeline);
  const asked = awsNow(client) - elapsed(pipeline) / speedOf(pipeline);
  if (latest === undefined || asked - Number(latest.StartTime) > ASKED_WITHIN_MS) return undefined;
  const { OperationId, OperationStatus } = latest;
  if (OperationStatus === 'IN_PROGRESS') throw underWay(pipeline, `the start of application ${names(pipeline).application} is in progress`);
  if (OperationStatus !== 'FAILED') return `its latest start is ${OperationStatus}, so it was stopped since`;
  const { application: ApplicationName } = names(pipeline);
  const { ApplicationOperationInfoDetails: details } = await client.send(
    new DescribeApplicationOperationCommand({ ApplicationName, OperationId }),
  );
  return details?.OperationFailureDetails?.ErrorInfo?.ErrorString;
}

/** Of all its starts, however they ended: AWS promises no order. */
async function latestStart(client: KinesisAnalyticsV2Client, pipeline: Pipeline): Promise<ApplicationOperationInfo | undefined> {
  const { application: ApplicationName } = names(pipeline);
  const starts = await pages(
    (NextToken) => client.send(new ListApplicationOperationsCommand({ ApplicationName, Operation: 'StartApplication', NextToken })),
    ({ ApplicationOperationInfoList = [] }) => ApplicationOperationInfoList,
    ({ NextToken }) => NextToken,
  );
  return starts.sort((a, b) => Number(b.StartTime) - Number(a.StartTime))[0];
}
