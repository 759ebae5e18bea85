import type { DeleteApplicationRequest, DeleteApplicationResponse } from '@aws-sdk/client-kinesis-analytics-v2';
import { awsError, type Operation } from '../aws.ts';
import { applicationOf, applications, forget } from './application.ts';
import { applicationStatus } from './studio.ts';

export const deleteApplication: Operation<DeleteApplicationRequest, DeleteApplicationResponse> = (input, aws) => {
  const application = applicationOf(aws, input.ApplicationName);
  if (input.CreateTimestamp?.getTime() !== application.created.getTime())
    throw awsError('InvalidArgumentException', `CreateTimestamp does not match that of application ${application.name}.`);
  const status = applicationStatus(aws, application);
  if (status !== 'READY')
    throw awsError('ResourceInUseException', `Application ${application.name} cannot be deleted when it is ${status}.`);
  aws.begins('application delete', application.name);
  const takes = aws.takes('application delete', application.name);
  if (takes === 0) forget(aws, application.name);
  else applications(aws).set(application.name, { ...application, deleting: true, settled: aws.now() + takes });
  return {};
};
