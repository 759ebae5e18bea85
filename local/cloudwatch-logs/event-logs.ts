import { join } from 'node:path';
import type { Aws } from '../aws.ts';
import { type ShardLogs, shardLogs } from '../kinesis/log.ts';

const opened = new WeakMap<Aws, ShardLogs>();

/** The append-only logs that hold the events: one a log stream, of the same build as those of Kinesis. Closed at shutdown. */
export function eventLogs(aws: Aws): ShardLogs {
  const found = opened.get(aws);
  if (found) return found;
  const logs = shardLogs(join(aws.dir, 'cloudwatch-logs'));
  opened.set(aws, logs);
  aws.onClose(() => logs.close());
  return logs;
}
