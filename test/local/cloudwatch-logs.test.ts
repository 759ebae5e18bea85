import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DeleteLogGroupCommand,
  DeleteLogStreamCommand,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  ListTagsForResourceCommand,
  PutLogEventsCommand,
  PutRetentionPolicyCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Local, startLocal } from '../../local/start.ts';
import { DAY_MS } from '../../pipeline/time.ts';

const logGroupName = '/aws/kinesisfirehose/game';
const logStreamName = 'events';
let dir: string;
let local: Local;
let logs: CloudWatchLogsClient;

const start = async () => {
  local = await startLocal({ dir });
  logs = new CloudWatchLogsClient({ ...local, maxAttempts: 1 });
};
const put = (messages: string[], from = Date.now() - 1000) =>
  logs.send(
    new PutLogEventsCommand({ logGroupName, logStreamName, logEvents: messages.map((message, i) => ({ timestamp: from + i, message })) }),
  );
const texts = (events: { message?: string }[] = []) => events.map(({ message }) => message);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'logs-'));
  await start();
});

afterAll(async () => {
  logs.destroy();
  await local.close();
  await rm(dir, { recursive: true });
});

test('a group is made once, with tags and a retention that CloudWatch knows', async () => {
  await logs.send(new CreateLogGroupCommand({ logGroupName, tags: { a: '1' } }));
  await expect(logs.send(new CreateLogGroupCommand({ logGroupName }))).rejects.toMatchObject({ name: 'ResourceAlreadyExistsException' });
  await expect(logs.send(new CreateLogGroupCommand({ logGroupName: 'no spaces' }))).rejects.toMatchObject({
    name: 'InvalidParameterException',
  });
  await expect(logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 2 }))).rejects.toMatchObject({
    name: 'InvalidParameterException',
  });
  await logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 7 }));
  const { logGroups = [] } = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: '/aws/kinesisfirehose/' }));
  expect(logGroups).toMatchObject([
    { logGroupName, retentionInDays: 7, arn: `arn:aws:logs:us-east-1:000000000000:log-group:${logGroupName}:*` },
  ]);
  const resourceArn = logGroups[0]!.logGroupArn!;
  await logs.send(new TagResourceCommand({ resourceArn, tags: { b: '2' } }));
  await logs.send(new UntagResourceCommand({ resourceArn, tagKeys: ['a'] }));
  expect((await logs.send(new ListTagsForResourceCommand({ resourceArn }))).tags).toEqual({ b: '2' });
});

test('a stream keeps its events over a restart, and gives them in pages both ways', async () => {
  await logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
  await expect(logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName }))).rejects.toMatchObject({
    name: 'ResourceAlreadyExistsException',
  });
  await put(['one', 'two error', 'three', 'four error fatal', 'five']);
  await local.close();
  await start();
  const get = (more: object) => logs.send(new GetLogEventsCommand({ logGroupName, logStreamName, limit: 2, ...more }));
  const first = await get({ startFromHead: true });
  const second = await get({ nextToken: first.nextForwardToken });
  const third = await get({ nextToken: second.nextForwardToken });
  const end = await get({ nextToken: third.nextForwardToken });
  expect([first, second, third, end].map(({ events }) => texts(events))).toEqual([
    ['one', 'two error'],
    ['three', 'four error fatal'],
    ['five'],
    [],
  ]);
  expect(end.nextForwardToken).toBe(third.nextForwardToken);
  const tail = await get({});
  expect([texts(tail.events), texts((await get({ nextToken: tail.nextBackwardToken })).events)]).toEqual([
    ['four error fatal', 'five'],
    ['two error', 'three'],
  ]);
  const { logStreams } = await logs.send(new DescribeLogStreamsCommand({ logGroupName }));
  expect(logStreams).toMatchObject([
    { logStreamName, firstEventTimestamp: first.events![0]!.timestamp, lastEventTimestamp: third.events![0]!.timestamp },
  ]);
});

test('events are found by terms', async () => {
  const find = async (filterPattern: string) =>
    texts((await logs.send(new FilterLogEventsCommand({ logGroupName, filterPattern }))).events);
  expect(await find('error')).toEqual(['two error', 'four error fatal']);
  expect(await find('error -fatal')).toEqual(['two error']);
  expect(await find('?one ?"four error"')).toEqual(['one', 'four error fatal']);
  await expect(find('{ $.a = 1 }')).rejects.toMatchObject({ name: 'InvalidParameterException' });
});

test('events out of order are refused, too old and too new ones are reported', async () => {
  const now = Date.now();
  const send = (times: number[]) =>
    logs.send(
      new PutLogEventsCommand({
        logGroupName,
        logStreamName,
        logEvents: times.map((timestamp) => ({ timestamp, message: `at ${timestamp}` })),
      }),
    );
  await expect(send([now, now - 1])).rejects.toMatchObject({ name: 'InvalidParameterException' });
  expect((await send([now - 20 * DAY_MS])).rejectedLogEventsInfo).toMatchObject({ tooOldLogEventEndIndex: 1 });
  expect((await send([now, now + DAY_MS / 2])).rejectedLogEventsInfo).toMatchObject({ tooNewLogEventStartIndex: 1 });
  const { events } = await logs.send(new GetLogEventsCommand({ logGroupName, logStreamName }));
  expect(texts(events).filter((text) => text?.startsWith('at'))).toEqual([`at ${now}`]);
});

test('what is deleted is gone, from the disk too', async () => {
  await logs.send(new DeleteLogStreamCommand({ logGroupName, logStreamName }));
  await expect(put(['late'])).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
    message: 'The specified log stream does not exist.',
  });
  await logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
  expect((await logs.send(new GetLogEventsCommand({ logGroupName, logStreamName }))).events).toEqual([]);
  await logs.send(new DeleteLogGroupCommand({ logGroupName }));
  await expect(logs.send(new DeleteLogGroupCommand({ logGroupName }))).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  expect((await logs.send(new DescribeLogGroupsCommand({}))).logGroups).toEqual([]);
  expect(await readdir(join(dir, 'cloudwatch-logs'))).toEqual([]);
});
