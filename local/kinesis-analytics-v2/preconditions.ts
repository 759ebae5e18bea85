import { type Aws, AwsError, awsError } from '../aws.ts';
import { streamOf } from '../cloudwatch-logs/events.ts';
import { databaseOf, glueArn } from '../glue/catalog.ts';
import { assertAssumable } from '../iam/assume.ts';
import { permissionsOf } from '../iam/permissions.ts';
import { type Application, applicationArn } from './application.ts';

/** What AWS looks at before it makes or changes an application: its role, its Glue database, its log streams. Throws InvalidArgumentException. */
export function checkSurroundings(
  aws: Aws,
  { name, role, glueDatabase, logStreams }: Pick<Application, 'name' | 'role' | 'glueDatabase' | 'logStreams'>,
): void {
  assertAssumable(aws, role, 'kinesisanalytics.amazonaws.com', 'InvalidArgumentException', applicationArn(aws, name));
  if (glueDatabase !== undefined) {
    checkGlueDatabase(aws, glueDatabase);
    // CreateApplication reads the database in the role, at once.
    permissionsOf(aws, role, 'KinesisAnalytics', 'InvalidArgumentException')('glue:GetDatabase', glueDatabase);
  }
  for (const { arn } of logStreams) checkLogStream(aws, arn);
}

function checkGlueDatabase(aws: Aws, arn: string): void {
  const database = arn.split(':database/')[1] ?? '';
  if (arn !== glueArn(aws, `database/${database}`))
    throw awsError('InvalidArgumentException', `${arn} is not the ARN of a Glue database of this account.`);
  orInvalid(() => databaseOf(aws, database), `Please check the Glue database provided: ${database}`);
}

function checkLogStream(aws: Aws, arn: string): void {
  const [, logGroupName, logStreamName] = /:log-group:([^:]+):log-stream:([^:]+)$/.exec(arn) ?? [];
  if (logGroupName === undefined) throw awsError('InvalidArgumentException', `${arn} is not the ARN of a log stream.`);
  orInvalid(() => streamOf(aws, { logGroupName, logStreamName }), `Please check the CloudWatch log stream provided: ${arn}`);
}

function orInvalid(find: () => unknown, problem: string): void {
  try {
    find();
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw awsError('InvalidArgumentException', `${problem} (${error.message})`);
  }
}
