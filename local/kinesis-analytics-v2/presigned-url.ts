import type { CreateApplicationPresignedUrlRequest, CreateApplicationPresignedUrlResponse } from '@aws-sdk/client-kinesis-analytics-v2';
import { awsError, type Operation } from '../aws.ts';
import { applicationOf } from './application.ts';
import { applicationStatus } from './studio.ts';

const SECONDS = { least: 1800, most: 43_200 };

/** Where the page behind each kind of URL is served. */
export const URL_PREFIX = { ZEPPELIN_UI_URL: 'zeppelin', FLINK_DASHBOARD_URL: 'flinkdashboard' } as const;

export const createApplicationPresignedUrl: Operation<CreateApplicationPresignedUrlRequest, CreateApplicationPresignedUrlResponse> = (
  input,
  aws,
) => {
  const application = applicationOf(aws, input.ApplicationName);
  const { UrlType: type, SessionExpirationDurationInSeconds: seconds = SECONDS.most } = input;
  if (!type || !(type in URL_PREFIX))
    throw awsError('InvalidArgumentException', `UrlType ${type} must be one of ${Object.keys(URL_PREFIX).join(', ')}.`);
  if (seconds < SECONDS.least || seconds > SECONDS.most)
    throw awsError(
      'InvalidArgumentException',
      `SessionExpirationDurationInSeconds ${seconds} must be between ${SECONDS.least} and ${SECONDS.most}.`,
    );
  const status = applicationStatus(aws, application);
  if (status !== 'RUNNING')
    throw awsError('ResourceInUseException', `Application ${application.name} must be RUNNING to be opened; it is ${status}.`);
  return { AuthorizedUrl: aws.endpoint + aws.pages.issue(URL_PREFIX[type], '/', application.name, seconds) };
};
