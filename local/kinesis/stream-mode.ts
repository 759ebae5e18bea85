import type { UpdateStreamModeInput } from '@aws-sdk/client-kinesis';
import { DAY_MS } from '../../pipeline/time.ts';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { isOnDemand, ON_DEMAND_LIMIT, onDemandStreams, type Stream, settledOf, streams } from './streams.ts';

const SWITCHED_A_DAY = 2;

/** The stream keeps its shards and what is in them; it is UPDATING for a while. */
export const updateStreamMode: Operation<UpdateStreamModeInput, void> = ({ StreamModeDetails: mode, ...input }, aws) => {
  const stream = settledOf(aws, input);
  const wanted = mode?.StreamMode;
  if (wanted !== 'ON_DEMAND' && wanted !== 'PROVISIONED')
    throw awsError('ValidationException', `StreamMode ${wanted} must be one of PROVISIONED, ON_DEMAND.`);
  if ((wanted === 'ON_DEMAND') === isOnDemand(stream))
    throw awsError('InvalidArgumentException', `The stream ${stream.name} is in mode ${wanted} already.`);
  const now = aws.now();
  const switched = (stream.switched ?? []).filter((date) => now - date.getTime() < DAY_MS);
  if (switched.length >= SWITCHED_A_DAY)
    throw awsError('LimitExceededException', `The mode of stream ${stream.name} was switched ${SWITCHED_A_DAY} times within 24 hours.`);
  if (wanted === 'ON_DEMAND') refuseBeyondLimit(aws, stream);
  aws.begins('stream update', stream.name);
  const date = new Date(now);
  streams(aws).set(stream.name, { ...stream, mode: wanted, switched: [...switched, date], updated: date });
};

function refuseBeyondLimit(aws: Aws, { name }: Readonly<Stream>): void {
  if (onDemandStreams(aws) >= ON_DEMAND_LIMIT)
    throw awsError(
      'LimitExceededException',
      `Stream ${name} would be one more than the ${ON_DEMAND_LIMIT} on-demand streams of an account.`,
    );
}
