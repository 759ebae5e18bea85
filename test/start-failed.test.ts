import type { ApplicationOperationInfo, OperationStatus } from '@aws-sdk/client-kinesis-analytics-v2';
import { expect, it } from '@jest/globals';
import type { Clients } from '../activities/aws.ts';
import { notebookActivities } from '../activities/kinesis-analytics-v2/notebook.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'unstarted' }), account: '000000000000' };
const { application, roles } = names(pipeline);
const MINUTE = 60_000;
const start = (OperationId: string, OperationStatus: OperationStatus, ago: number): ApplicationOperationInfo => ({
  Operation: 'StartApplication',
  OperationId,
  OperationStatus,
  StartTime: new Date(Date.now() - ago),
});

/** What is said of an application that is READY after these starts, two to a page; each that failed has its id in its words. */
async function failureOf(starts: ApplicationOperationInfo[], words = 'could not read the bucket', roleMade = new Date(0)): Promise<Error> {
  const answers: Record<string, (input: Record<string, string>) => object> = {
    DescribeApplication: () => ({ ApplicationDetail: { ApplicationStatus: 'READY' } }),
    ListApplicationOperations: ({ NextToken = '0', OperationStatus }) => {
      const end = Number(NextToken) + 2;
      const listed = starts.filter((each) => (OperationStatus ?? each.OperationStatus) === each.OperationStatus);
      return {
        ApplicationOperationInfoList: listed.slice(end - 2, end),
        NextToken: end < listed.length ? String(end) : undefined,
      };
    },
    DescribeApplicationOperation: ({ OperationId }) => ({
      ApplicationOperationInfoDetails: { OperationFailureDetails: { ErrorInfo: { ErrorString: `${OperationId} ${words}` } } },
    }),
    GetRole: () => ({ Role: { CreateDate: roleMade } }),
  };
  const send = async ({ constructor: { name }, input }: { constructor: { name: string }; input: Record<string, string> }) =>
    answers[name.replace(/Command$/, '')]!(input);
  const aws = { kinesisAnalyticsV2: { send }, iam: { send } } as unknown as Clients;
  return notebookActivities(aws)
    ['notebook.awaitStarted'](pipeline)
    .then(() => Promise.reject(new Error('it counts as started')))
    .catch((error: Error) => error);
}

async function said(...given: Parameters<typeof failureOf>): Promise<string> {
  const failure = await failureOf(...given);
  expect(failure).toMatchObject({ nonRetryable: true, type: 'StartFailed' });
  return failure.message.replace(`application ${application} did not start: `, '');
}

it('a start that failed says of what, whatever the order that AWS lists starts in', async () => {
  const old = [start('third', 'SUCCESSFUL', 9 * MINUTE), start('first', 'FAILED', 60 * MINUTE), start('second', 'FAILED', 30 * MINUTE)];
  expect(await said([...old, start('last', 'FAILED', MINUTE)])).toBe('last could not read the bucket (it is tried again)');
  expect(await said([start('last', 'FAILED', MINUTE), ...old])).toBe('last could not read the bucket (it is tried again)');
});

it('one that somebody stopped says so, and nothing of those before', async () => {
  const old = start('old', 'FAILED', 5 * MINUTE);
  expect(await said([start('new', 'CANCELLED', MINUTE), old])).toBe(
    'its latest start is CANCELLED, so it was stopped since (it is tried again)',
  );
});

it('one that is in progress is waited for, whatever state AWS still shows', async () => {
  expect(await failureOf([start('new', 'IN_PROGRESS', 1_000), start('old', 'FAILED', 5 * MINUTE)])).toMatchObject({
    type: 'NotYet',
    message: `the start of application ${application} is in progress`,
  });
});

it('one that AWS never began says nothing of what an old one failed of', async () => {
  expect(await said([start('old', 'FAILED', 20 * MINUTE)])).toBe('AWS gave no reason (it is tried again)');
  expect(await said([])).toBe('AWS gave no reason (it is tried again)');
});

it('names the caller that lacks a permission, even while the role is young', async () => {
  const user = 'arn:aws:iam::000000000000:user/dev';
  const words = `User: ${user} is not authorized to perform: iam:PassRole on resource: x`;
  const failed = [start('one', 'FAILED', MINUTE)];
  expect(await said(failed, words, new Date())).toContain(`(the worker calls as ${user}: action iam:PassRole,`);
  expect(await said(failed, 'is not authorized', new Date())).toContain(`(role ${roles.studio} is new and may not have spread yet`);
  expect(await said(failed, 'is not authorized')).toContain(`(role ${roles.studio}: what kinesisanalytics:StartApplication needs`);
});
