import { CreateApplicationPresignedUrlCommand } from '@aws-sdk/client-kinesis-analytics-v2';
import { clients, type Target } from '../activities/aws.ts';
import { undefinedIfBusy } from '../activities/errors.ts';
import { dashboardUrl } from '../activities/quicksight/page.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';

/** The addresses of a pipeline that a person opens; `notebook` and `flink` only while the Studio application runs. */
export interface Addresses {
  dashboard: string;
  notebook?: string;
  flink?: string;
}

/** Asks AWS for fresh addresses of dashboard, notebook and Flink's page. On target `local` they carry a secret of this machine, and work for ten to twelve hours. */
export async function addresses(pipeline: Pipeline, target: Target): Promise<Addresses> {
  const { dashboard } = names(pipeline);
  const [notebook, flink] = await Promise.all([
    presigned(pipeline, target, 'ZEPPELIN_UI_URL'),
    presigned(pipeline, target, 'FLINK_DASHBOARD_URL'),
  ]);
  if (pipeline.target === 'aws') {
    return { dashboard: `https://${pipeline.region}.quicksight.aws.amazon.com/sn/dashboards/${dashboard}`, notebook, flink };
  }
  return { dashboard: await dashboardUrl(clients(target), pipeline), notebook, flink };
}

async function presigned(
  pipeline: Pipeline,
  target: Target,
  UrlType: 'ZEPPELIN_UI_URL' | 'FLINK_DASHBOARD_URL',
): Promise<string | undefined> {
  const command = new CreateApplicationPresignedUrlCommand({
    ApplicationName: names(pipeline).application,
    UrlType,
    SessionExpirationDurationInSeconds: 43_200,
  });
  const answer = await undefinedIfBusy(clients(target).kinesisAnalyticsV2.send(command), 'ResourceInUseException');
  return answer?.AuthorizedUrl;
}
