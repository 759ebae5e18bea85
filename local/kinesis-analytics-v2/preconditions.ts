import { type Aws, AwsError, awsError } from '../aws.ts';
import { streamOf } from '../cloudwatch-logs/events.ts';
import { databaseOf, glueArn, glueArns } from '../glue/catalog.ts';
import { assertAssumable } from '../iam/assume.ts';
import { permissionsOf } from '../iam/permissions.ts';
import { type Application, applicationArn } from './application.ts';

/** What AWS looks at before it makes or changes an application: its role, its Glue database, its log streams. Throws InvalidArgumentException. */
export function checkSurroundings(aws: Aws, application: Pick<Application, 'name' | 'role' | 'glueDatabase' | 'logStreams'>): void {
  checkRole(aws, application);
  if (application.glueDatabase !== undefined) checkGlueDatabase(aws, application.glueDatabase);
  for (const { arn } of application.logStreams) checkLogStream(aws, arn);
}

/** Throws InvalidArgumentException unless Studio can assume the application's role, and may read its Glue database in it, which it does at once. */
export function checkRole(aws: Aws, { name, role, glueDatabase }: Pick<Application, 'name' | 'role' | 'glueDatabase'>): void {
  assertAssumable(aws, role, 'kinesisanalytics.amazonaws.com', 'InvalidArgumentException', applicationArn(aws, name));
  if (glueDatabase === undefined) return;
  const may = permissionsOf(aws, role, 'KinesisAnalytics', 'InvalidArgumentException');
  for (const arn of glueArns(aws, glueDatabase.split(':database/')[1] ?? '')) may('glue:GetDatabase', arn);
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
