import type { Aws } from '../aws.ts';
import { iteratorStream } from '../kinesis/records.ts';
import { streamArn } from '../kinesis/streams.ts';
import type { AccessKey } from './keys.ts';
import { permissionsOf } from './permissions.ts';

/** Throws AWS's refusal unless whoever holds the key may make the call: the account's own user any, a role what its policies allow. */
export function authorize(aws: Aws, { acting }: AccessKey, service: string, operation: string, input: Record<string, unknown>): void {
  if (acting === undefined) return;
  const may = permissionsOf(aws, acting.role, acting.session, service === 's3' ? 'AccessDenied' : 'AccessDeniedException');
  may(`${service}:${operation}`, service === 'kinesis' ? streamOfCall(aws, input) : '*');
}

/** The stream that a call to Kinesis is about. To no other service is there a call by a role's key from outside: there only a policy for all resources allows one. */
function streamOfCall(aws: Aws, input: { StreamARN?: string; StreamName?: string; ShardIterator?: string }): string {
  const { StreamARN: arn, StreamName: name, ShardIterator: iterator } = input;
  if (arn !== undefined) return arn;
  const stream = name ?? (iterator === undefined ? undefined : iteratorStream(iterator));
  return stream === undefined ? '*' : streamArn(aws, stream);
}
