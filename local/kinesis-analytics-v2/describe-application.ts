import type {
  ApplicationOperationInfoDetails,
  DescribeApplicationOperationRequest,
  DescribeApplicationOperationResponse,
  DescribeApplicationRequest,
  DescribeApplicationResponse,
  ListApplicationOperationsRequest,
  ListApplicationOperationsResponse,
  ListApplicationsRequest,
  ListApplicationsResponse,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { awsError, type Operation } from '../aws.ts';
import { type ApplicationOperation, applicationArn, applicationOf, applications, described, operations } from './application.ts';
import { applicationStatus } from './studio.ts';

export const describeApplication: Operation<DescribeApplicationRequest, DescribeApplicationResponse> = ({ ApplicationName: name }, aws) => {
  const application = applicationOf(aws, name);
  return { ApplicationDetail: described(aws, application, applicationStatus(aws, application)) };
};

export const listApplications: Operation<ListApplicationsRequest, ListApplicationsResponse> = (
  { Limit: limit = 50, NextToken: after = '' },
  aws,
) => {
  const all = applications(aws)
    .values()
    .filter(({ deleting, settled }) => !deleting || settled > aws.now());
  const { items, next } = page(all, ({ name }) => name, after, limit);
  return {
    ApplicationSummaries: items.map((application) => ({
      ApplicationName: application.name,
      ApplicationARN: applicationArn(aws, application.name),
      ApplicationStatus: applicationStatus(aws, application),
      ApplicationVersionId: application.version,
      RuntimeEnvironment: 'ZEPPELIN-FLINK-3_0',
      ApplicationMode: 'INTERACTIVE',
    })),
    ...(next !== undefined && { NextToken: next }),
  };
};

export const describeApplicationOperation: Operation<DescribeApplicationOperationRequest, DescribeApplicationOperationResponse> = (
  input,
  aws,
) => {
  const { name } = applicationOf(aws, input.ApplicationName);
  const operation = operations(aws).get(input.OperationId ?? '');
  if (operation?.application !== name)
    throw awsError('ResourceNotFoundException', `Operation ${input.OperationId} of application ${name} not found.`);
  return { ApplicationOperationInfoDetails: details(operation) };
};

export const listApplicationOperations: Operation<ListApplicationOperationsRequest, ListApplicationOperationsResponse> = (input, aws) => {
  const { name } = applicationOf(aws, input.ApplicationName);
  const { Operation: kind, OperationStatus: status, Limit: limit = 50, NextToken: after = '' } = input;
  const all = operations(aws)
    .values()
    .filter(
      (operation) =>
        operation.application === name &&
        (kind ?? operation.operation) === operation.operation &&
        (status ?? operation.status) === operation.status,
    );
  // The newest first; ids are random, so the token holds the time as well.
  const { items, next } = page(all, ({ started, id }) => `${String(8.64e15 - started.getTime()).padStart(16, '0')}${id}`, after, limit);
  return {
    ApplicationOperationInfoList: items.map((operation) => ({ OperationId: operation.id, ...details(operation) })),
    ...(next !== undefined && { NextToken: next }),
  };
};

const details = ({ operation, started, ended, status, error }: ApplicationOperation): ApplicationOperationInfoDetails => ({
  Operation: operation,
  StartTime: started,
  EndTime: ended,
  OperationStatus: status,
  ...(error !== undefined && { OperationFailureDetails: { ErrorInfo: { ErrorString: error } } }),
});

function page<Item>(all: Item[], key: (item: Item) => string, after: string, limit: number): { items: Item[]; next?: string } {
  if (limit < 1 || limit > 50) throw awsError('InvalidRequestException', `Limit ${limit} must be between 1 and 50.`);
  const rest = all.map((item) => ({ item, at: key(item) })).filter(({ at }) => at > after);
  rest.sort((a, b) => (a.at < b.at ? -1 : 1));
  const items = rest.slice(0, limit);
  return { items: items.map(({ item }) => item), ...(rest.length > limit && { next: items.at(-1)?.at as string }) };
}
