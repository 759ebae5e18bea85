import type {
  AddApplicationCloudWatchLoggingOptionRequest,
  AddApplicationCloudWatchLoggingOptionResponse,
  DeleteApplicationCloudWatchLoggingOptionRequest,
  DeleteApplicationCloudWatchLoggingOptionResponse,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { type Application, applicationArn, applicationOf, described, save } from './application.ts';
import { checkSurroundings } from './preconditions.ts';
import { applicationStatus } from './studio.ts';
import { checkVersion } from './update-application.ts';

export const addApplicationCloudWatchLoggingOption: Operation<
  AddApplicationCloudWatchLoggingOptionRequest,
  AddApplicationCloudWatchLoggingOptionResponse
> = ({ CloudWatchLoggingOption: { LogStreamARN: stream = '' } = {}, ...input }, aws) => {
  const before = settled(aws, input);
  if (before.logStreams.length > 0)
    throw awsError('InvalidArgumentException', `Application ${before.name} has a CloudWatch log stream already, which is the most.`);
  return changed(aws, before, [{ id: `${before.version + 1}.1`, arn: stream }]);
};

export const deleteApplicationCloudWatchLoggingOption: Operation<
  DeleteApplicationCloudWatchLoggingOptionRequest,
  DeleteApplicationCloudWatchLoggingOptionResponse
> = ({ CloudWatchLoggingOptionId: gone = '', ...input }, aws) => {
  const before = settled(aws, input);
  if (!before.logStreams.some(({ id }) => id === gone))
    throw awsError('ResourceNotFoundException', `Application ${before.name} has no CloudWatch logging option ${gone}.`);
  return changed(
    aws,
    before,
    before.logStreams.filter(({ id }) => id !== gone),
  );
};

type Versioned = { ApplicationName?: string; ConditionalToken?: string; CurrentApplicationVersionId?: number };

function settled(aws: Aws, input: Versioned): Readonly<Application> {
  const application = applicationOf(aws, input.ApplicationName);
  checkVersion(application, input);
  const status = applicationStatus(aws, application);
  if (status !== 'READY' && status !== 'RUNNING')
    throw awsError('ResourceInUseException', `Application ${application.name} is ${status}; it can be changed when READY or RUNNING.`);
  return application;
}

function changed(aws: Aws, before: Readonly<Application>, logStreams: Application['logStreams']) {
  const version = before.version + 1;
  const after = { ...before, logStreams, version };
  checkSurroundings(aws, after);
  save(aws, after);
  return {
    ApplicationARN: applicationArn(aws, before.name),
    ApplicationVersionId: version,
    CloudWatchLoggingOptionDescriptions: described(aws, after, applicationStatus(aws, after)).CloudWatchLoggingOptionDescriptions,
  };
}
