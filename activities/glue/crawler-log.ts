import { DeleteLogStreamCommand, DescribeLogStreamsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { undefinedIfMissing } from '../errors.ts';
import { retryIfLost } from '../not-yet.ts';

/** Glue makes it for all crawlers of the account, so it stays. */
const logGroupName = '/aws-glue/crawlers';
const MISSING = 'ResourceNotFoundException';

/** What Glue logs of the pipeline's crawler: a log stream of its name, which goes with no crawler by itself. */
export function crawlerLog({ logs }: Clients) {
  const exists = async (pipeline: Pipeline): Promise<boolean> => {
    const { crawler } = names(pipeline);
    // Of the names with this beginning, itself comes first.
    const look = logs.send(new DescribeLogStreamsCommand({ logGroupName, logStreamNamePrefix: crawler }));
    const { logStreams = [] } = (await undefinedIfMissing(look, MISSING)) ?? {};
    return logStreams.some(({ logStreamName }) => logStreamName === crawler);
  };
  return {
    label: (pipeline: Pipeline) => `log stream ${names(pipeline).crawler} of log group ${logGroupName}`,
    arn: (pipeline: Pipeline) => `${names(pipeline).logGroupArn(logGroupName)}:log-stream:${names(pipeline).crawler}`,
    exists,
    remove: async (pipeline: Pipeline): Promise<void> => {
      if (!(await exists(pipeline))) return;
      await retryIfLost(logs.send(new DeleteLogStreamCommand({ logGroupName, logStreamName: names(pipeline).crawler })), MISSING);
    },
  };
}
