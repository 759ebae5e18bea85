import { awsError, type Service } from './aws.ts';
import type { Fault } from './faults.ts';

/** The error by which a fault, on its `number`th strike, refuses a call; undefined for faults that refuse nothing. */
export function refusalOf(fault: Fault, service: Service, operation: string, number: number): Error | undefined {
  if (fault.kind === 'throttle') return awsError(throttledBy(service.name, operation), 'Rate exceeded');
  if (fault.kind === 'unavailable') return awsError(unavailableBy(service, number), 'We encountered an internal error. Please try again.');
  if (fault.kind === 'error') return awsError(fault.name, fault.message ?? `${fault.name}, by the fault plan`);
  if (fault.kind === 'role')
    return awsError(...(REFUSED[service.name] ?? (['AccessDeniedException', 'The role is not authorized to perform this.'] as const)));
  return undefined;
}

const throttledBy = (service: string, operation: string) =>
  service === 'kinesis' && DATA_PLANE.includes(operation)
    ? 'ProvisionedThroughputExceededException'
    : (THROTTLED[service] ?? 'ThrottlingException');

/** A shard's own quota, where everything else of Kinesis has one of the account. */
const DATA_PLANE = ['PutRecords', 'PutRecord', 'GetRecords', 'GetShardIterator'];

/** What each service says when it is asked too often. */
const THROTTLED: Record<string, string> = {
  kinesis: 'LimitExceededException',
  athena: 'TooManyRequestsException',
  s3: 'SlowDown',
  iam: 'Throttling',
  sts: 'Throttling',
};

/** One after the other: what the service's own schemas call a fault of the server, and what any AWS service may answer, of statuses 500 and 503. */
function unavailableBy({ name: service, schemas }: Service, number: number): string {
  const modelled = Object.entries(schemas).flatMap(([name, schema]) => {
    const { error } = (Array.isArray(schema) && typeof schema[3] === 'object' ? schema[3] : {}) as { error?: string };
    return error === 'server' && /^(Internal|Service|ResourceUnavailable)/.test(name) ? [name.slice(0, -1)] : [];
  });
  const common = service === 's3' ? ['InternalError', 'ServiceUnavailable'] : ['InternalFailure', 'ServiceUnavailable'];
  const all = [...modelled, ...common];
  return all[(number - 1) % all.length]!;
}

/** What each says of a role that it cannot take. */
const REFUSED: Record<string, [string, string]> = {
  firehose: ['InvalidArgumentException', 'Firehose is unable to assume role. Please check the role provided.'],
  glue: ['InvalidInputException', "Service is unable to assume provided role. Please verify the role's TrustPolicy"],
  kinesisanalytics: ['InvalidArgumentException', "Kinesis Analytics service doesn't have sufficient privileges to assume the role"],
  quicksight: ['AccessDeniedException', 'Failed to assume your role. Verify the trust relationships of the role in the IAM console.'],
};
