import { type Aws, AwsError } from '../aws.ts';
import { putLogEvents } from '../cloudwatch-logs/events.ts';
import { permissionsOf } from '../iam/permissions.ts';
import type { Application } from './application.ts';

/** Where an application's log lines go: to its CloudWatch log streams, and to the log of the local AWS what is more than information. */
export interface ApplicationLog {
  write(line: string): void;
  /** Resolves when every line so far is in the log streams. */
  written(): Promise<void>;
}

/** Together below the 1 MiB of one PutLogEvents. */
const LINE_CHARACTERS = 8000;
const BATCH_LINES = 100;

/** The log of an application, one event a line, in the order of writing; in CloudWatch as far as its role allows. */
export function applicationLog(aws: Aws, { logStreams, role }: Pick<Application, 'logStreams' | 'role'>): ApplicationLog {
  const lines: { timestamp: number; message: string }[] = [];
  let writing: Promise<void> | undefined;
  const flush = async () => {
    while (lines.length > 0) {
      const logEvents = lines.splice(0, BATCH_LINES);
      for (const { arn } of logStreams) await put(aws, role, arn, logEvents);
    }
  };
  return {
    write: (line) => {
      if (line.trim() === '') return;
      if (!/^(INFO|DEBUG|TRACE) /.test(line)) aws.log('flink', line);
      lines.push({ timestamp: aws.now(), message: line.slice(0, LINE_CHARACTERS) });
      writing ??= flush()
        .catch((error: Error) => aws.log('flink', `writing the log of the application failed: ${error.stack}`))
        .finally(() => {
          writing = undefined;
        });
    },
    written: async () => writing,
  };
}

/** A log stream that somebody deleted, or that the role may not write to, loses lines, as on AWS, and says so. */
async function put(aws: Aws, role: string, arn: string, logEvents: { timestamp: number; message: string }[]): Promise<void> {
  const [, logGroupName = '', logStreamName = ''] = /:log-group:([^:]+):log-stream:([^:]+)$/.exec(arn) ?? [];
  try {
    permissionsOf(aws, role, 'KinesisAnalytics', 'AccessDeniedException')('logs:PutLogEvents', arn);
    await putLogEvents({ logGroupName, logStreamName, logEvents }, aws);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    aws.log('flink', `${logEvents.length} log lines for ${arn} are lost: ${error.message}`);
  }
}
