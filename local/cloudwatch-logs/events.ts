import type {
  FilterLogEventsRequest,
  FilterLogEventsResponse,
  GetLogEventsRequest,
  GetLogEventsResponse,
  InputLogEvent,
  PutLogEventsRequest,
  PutLogEventsResponse,
} from '@aws-sdk/client-cloudwatch-logs';
import { DAY_MS, HOUR_MS } from '../../pipeline/time.ts';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { eventLogs } from './event-logs.ts';
import { matcher } from './filter-pattern.ts';
import { groupOf, type LogStream, streams, streamsOf } from './groups.ts';

/** An event as it is read back. `id` orders events of one stream that have the same timestamp. */
export interface LogEvent {
  timestamp: number;
  ingestionTime: number;
  message: string;
  id: number;
}

const MAX_BATCH_BYTES = 1 << 20;
const MAX_EVENTS = 10_000;
/** What AWS counts for an event besides its message. */
const EVENT_BYTES = 26;

/** Finds a log stream, or throws ResourceNotFoundException for it or for its group. */
export function streamOf(
  aws: Aws,
  input: { logGroupName?: string; logGroupIdentifier?: string; logStreamName?: string },
): Readonly<LogStream> {
  const stream = streams(aws).get(`${groupOf(aws, input).name}:${input.logStreamName}`);
  if (!stream) throw awsError('ResourceNotFoundException', 'The specified log stream does not exist.');
  return stream;
}

/** All events of a stream that its group still retains, by timestamp. */
export async function allEvents(aws: Aws, { group, folder }: Readonly<LogStream>): Promise<LogEvent[]> {
  const log = await eventLogs(aws).open(folder, 'events');
  const { retentionDays } = groupOf(aws, { logGroupName: group });
  const oldest = retentionDays === undefined ? 0 : aws.now() - retentionDays * DAY_MS;
  await log.trim(oldest);
  const events: LogEvent[] = [];
  for (let offset = log.start(); offset < log.end(); ) {
    const records = await log.read(offset, MAX_EVENTS);
    for (const { data, arrival, offset: id } of records) {
      const { timestamp, message } = JSON.parse(data.toString()) as { timestamp: number; message: string };
      if (timestamp >= oldest) events.push({ timestamp, message, ingestionTime: arrival, id });
    }
    offset = records.at(-1)?.next ?? log.end();
  }
  return events.sort(order);
}

/** Writes one event for a service of ours, on disk when it resolves; a missing group or stream swallows it, as in AWS. */
export async function writeLog(aws: Aws, logGroupName: string, logStreamName: string, message: string): Promise<void> {
  const stream = streams(aws).get(`${logGroupName}:${logStreamName}`);
  if (stream) await append(aws, stream, [{ timestamp: aws.now(), message }]);
}

export const putLogEvents: Operation<PutLogEventsRequest, PutLogEventsResponse> = async ({ logEvents: events = [], ...input }, aws) => {
  const stream = streamOf(aws, input);
  if (events.length === 0 || events.length > MAX_EVENTS)
    throw awsError(
      'InvalidParameterException',
      `1 validation error detected: Value at 'logEvents' must have length between 1 and ${MAX_EVENTS}`,
    );
  const bytes = events.reduce((sum, { message = '' }) => sum + Buffer.byteLength(message) + EVENT_BYTES, 0);
  if (bytes > MAX_BATCH_BYTES)
    throw awsError('InvalidParameterException', `Upload too large: ${bytes} bytes exceeds limit of ${MAX_BATCH_BYTES}`);
  const times = events.map(({ timestamp = 0 }) => timestamp);
  if (times.some((time, i) => i > 0 && time < times[i - 1]!))
    throw awsError('InvalidParameterException', 'Log events in a single PutLogEvents request must be in chronological order.');
  if (times.at(-1)! - times[0]! > DAY_MS)
    throw awsError('InvalidParameterException', 'The batch of log events in a single PutLogEvents request cannot span more than 24 hours.');
  const { retentionDays } = groupOf(aws, input);
  const expired = times.filter((time) => time < aws.now() - (retentionDays ?? Number.POSITIVE_INFINITY) * DAY_MS).length;
  const old = times.filter((time) => time < aws.now() - 14 * DAY_MS).length;
  const early = times.findIndex((time) => time > aws.now() + 2 * HOUR_MS);
  await append(aws, stream, events.slice(Math.max(expired, old), early < 0 ? undefined : early));
  const rejected = {
    expiredLogEventEndIndex: expired > 0 ? expired : undefined,
    tooOldLogEventEndIndex: old > 0 ? old : undefined,
    tooNewLogEventStartIndex: early < 0 ? undefined : early,
  };
  return { rejectedLogEventsInfo: expired + old > 0 || early >= 0 ? rejected : undefined };
};

export const getLogEvents: Operation<GetLogEventsRequest, GetLogEventsResponse> = async (input, aws) => {
  const {
    startTime: from = 0,
    endTime: to = Number.POSITIVE_INFINITY,
    nextToken: token,
    limit = MAX_EVENTS,
    startFromHead = false,
  } = input;
  const all = (await allEvents(aws, streamOf(aws, input))).filter(({ timestamp }) => timestamp >= from && timestamp < to);
  const mark = token === undefined ? undefined : markOf(token);
  const isForward = token?.startsWith('f/') ?? startFromHead;
  const side = all.filter((event) => !mark || (isForward ? order(event, mark) > 0 : order(event, mark) < 0));
  const events = isForward ? side.slice(0, limit) : side.slice(Math.max(0, side.length - limit));
  const [first, last] = [events[0] ?? mark, events.at(-1) ?? mark];
  return {
    events: events.map(({ id: _id, ...event }) => event),
    nextForwardToken: `f/${last?.timestamp ?? 0}/${last?.id ?? -1}`,
    nextBackwardToken: `b/${first?.timestamp ?? 0}/${first?.id ?? -1}`,
  };
};

export const filterLogEvents: Operation<FilterLogEventsRequest, FilterLogEventsResponse> = async (input, aws) => {
  const { logStreamNames: wanted, logStreamNamePrefix: prefix = '', startTime: from = 0, endTime: to = Number.POSITIVE_INFINITY } = input;
  const { limit = MAX_EVENTS, nextToken: token = '0', filterPattern: pattern = '' } = input;
  const matches = matcher(pattern);
  const searched = streamsOf(aws, groupOf(aws, input).name).filter(
    ({ name }) => (wanted?.includes(name) ?? true) && name.startsWith(prefix),
  );
  const perStream = await Promise.all(
    searched.map(async (stream) => (await allEvents(aws, stream)).map((event) => ({ ...event, logStreamName: stream.name }))),
  );
  const found = perStream
    .flat()
    .filter(({ timestamp, message }) => timestamp >= from && timestamp <= to && matches(message))
    .sort(order);
  const start = Number(token);
  return {
    events: found
      .slice(start, start + limit)
      .map(({ id, ...event }) => ({ ...event, eventId: `${event.timestamp}${String(id).padStart(20, '0')}` })),
    searchedLogStreams: [],
    nextToken: start + limit < found.length ? String(start + limit) : undefined,
  };
};

type Mark = Pick<LogEvent, 'timestamp' | 'id'>;

const order = (a: Mark, b: Mark) => a.timestamp - b.timestamp || a.id - b.id;

function markOf(token: string): Mark {
  const parts = /^[fb]\/(\d+)\/(-?\d+)$/.exec(token);
  if (!parts) throw awsError('InvalidParameterException', 'The specified nextToken is invalid.');
  return { timestamp: Number(parts[1]), id: Number(parts[2]) };
}

async function append(aws: Aws, { folder }: Readonly<LogStream>, events: InputLogEvent[]): Promise<void> {
  const log = await eventLogs(aws).open(folder, 'events');
  const arrival = aws.now();
  await log.append(events.map((event) => ({ arrival, partitionKey: '', data: Buffer.from(JSON.stringify(event)) })));
}
