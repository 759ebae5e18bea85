import {
  AddTagsToStreamCommand,
  CreateStreamCommand,
  type CreateStreamCommandInput,
  DecreaseStreamRetentionPeriodCommand,
  DeleteStreamCommand,
  DescribeStreamSummaryCommand,
  IncreaseStreamRetentionPeriodCommand,
  ListTagsForStreamCommand,
  RemoveTagsFromStreamCommand,
  type StreamDescriptionSummary,
  type StreamStatus,
  UpdateShardCountCommand,
  UpdateStreamModeCommand,
} from '@aws-sdk/client-kinesis';
import { type LakeTable, names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { ofStream, type Standing } from '../../pipeline/standing-cost.ts';
import { streamShards } from '../../pipeline/stream-shards.ts';
import type { Clients } from '../aws.ts';
import { differences } from '../differences.ts';
import { isNamed, undefinedIfBusy, undefinedIfMissing } from '../errors.ts';
import { notYet, retryIfLost, underWay } from '../not-yet.ts';
import { pages } from '../pages.ts';
import type { Found, Resource, Status } from '../resource.ts';
import { tagMap } from '../tags.ts';

type Stream = Found & StreamDescriptionSummary;

/** Shards that AWS opens and closes by itself would leave the SQL and the lanes with a number that nobody chose, at another price. */
const StreamModeDetails = { StreamMode: 'PROVISIONED' } as const;
const MISSING = 'ResourceNotFoundException';
/** The part of AWS's words that tells it from a quota, or a rate, of the same name. */
const NO_ROOM = 'simultaneously be in CREATING';
const STATUS = { CREATING: 'pending', UPDATING: 'pending', ACTIVE: 'ready', DELETING: 'leaving' } satisfies Record<StreamStatus, Status>;

/** The stream behind one table of the lake: the events with the spec's shards, the metrics with as many as their rows need. */
export function stream(clients: Clients, table: LakeTable): Resource<Stream> {
  const { kinesis } = clients;
  const streamName = (pipeline: Pipeline) => names(pipeline).streams[table];
  const shards = (pipeline: Pipeline) => streamShards(pipeline, table);
  const summaryOf = async (StreamName: string): Promise<Stream> =>
    (await kinesis.send(new DescribeStreamSummaryCommand({ StreamName }))).StreamDescriptionSummary!;
  const describe = async (StreamName: string): Promise<Stream> => {
    const [summary, tags] = await Promise.all([summaryOf(StreamName), streamTags(clients, StreamName)]);
    return { ...summary, tags };
  };
  const keep = async (pipeline: Pipeline, hours: number): Promise<void> => {
    const input = { StreamName: streamName(pipeline), RetentionPeriodHours: pipeline.keep.streamHours };
    const isMore = hours < input.RetentionPeriodHours;
    await kinesis.send(isMore ? new IncreaseStreamRetentionPeriodCommand(input) : new DecreaseStreamRetentionPeriodCommand(input));
  };
  return {
    label: (pipeline) => `Kinesis stream ${streamName(pipeline)}`,
    arn: (pipeline) => names(pipeline).streamArn(table),
    find: (pipeline) => undefinedIfMissing(describe(streamName(pipeline)), MISSING),
    look: (pipeline) => undefinedIfMissing(summaryOf(streamName(pipeline)), MISSING),
    create: async (pipeline) => {
      const input = { StreamName: streamName(pipeline), ShardCount: shards(pipeline), Tags: names(pipeline).tags };
      await retryIfLost(kinesis.send(creation(pipeline, input)), 'ResourceInUseException');
    },
    differences: (pipeline, { OpenShardCount, ...is }) =>
      differences(
        { StreamModeDetails, ShardCount: shards(pipeline), RetentionPeriodHours: pipeline.keep.streamHours },
        { ...is, ShardCount: OpenShardCount },
      ),
    // A stream takes one change at a time, and is UPDATING after each.
    change: async (pipeline, { OpenShardCount: open = 0, RetentionPeriodHours: hours = 0 }, found) => {
      const StreamName = streamName(pipeline);
      // First, for on demand it takes no number of shards.
      if (found.some(({ field }) => field.startsWith('StreamModeDetails'))) {
        await kinesis.send(new UpdateStreamModeCommand({ StreamARN: names(pipeline).streamArn(table), StreamModeDetails }));
        if (found.length === 1) return;
        throw notYet(`Kinesis stream ${StreamName} changes its mode before all else`);
      }
      const isKept = hours === pipeline.keep.streamHours;
      if (!isKept) await keep(pipeline, hours);
      const wanted = shards(pipeline);
      if (open === wanted) return;
      if (!isKept) throw notYet(`Kinesis stream ${StreamName} changes its retention before its shards`);
      // One call at most doubles or halves.
      const target = Math.min(Math.max(wanted, Math.ceil(open / 2)), open * 2);
      await kinesis.send(new UpdateShardCountCommand({ StreamName, TargetShardCount: target, ScalingType: 'UNIFORM_SCALING' }));
      if (target !== wanted) throw notYet(`Kinesis stream ${StreamName} is on its way from ${open} over ${target} to ${wanted} shards`);
    },
    // A new stream keeps its records for a day, whatever is wanted.
    complete: async (pipeline, { RetentionPeriodHours: hours = 0 }) => {
      if (hours === pipeline.keep.streamHours) return false;
      await keep(pipeline, hours);
      return true;
    },
    tag: async (pipeline, _found, Tags) => {
      await kinesis.send(new AddTagsToStreamCommand({ StreamName: streamName(pipeline), Tags }));
    },
    untag: async (pipeline, _found, TagKeys) => {
      await kinesis.send(new RemoveTagsFromStreamCommand({ StreamName: streamName(pipeline), TagKeys }));
    },
    status: ({ StreamStatus: status }) => STATUS[status!],
    costs: streamCosts,
    remove: async (pipeline) => {
      const deletion = kinesis.send(new DeleteStreamCommand({ StreamName: streamName(pipeline), EnforceConsumerDeletion: true }));
      await undefinedIfBusy(undefinedIfMissing(deletion, MISSING), 'ResourceInUseException');
    },
  };
}

/**
 * Asks for a stream; while AWS makes as many as it does at once, that is under way. The SDK does not get to hear that refusal, which it would take for a throttle,
 * and pace every call to Kinesis.
 */
function creation(pipeline: Pipeline, input: CreateStreamCommandInput): CreateStreamCommand {
  const command = new CreateStreamCommand(input);
  const whenThereIsRoom = async <Answer>(call: Promise<Answer>): Promise<Answer> => {
    try {
      return await call;
    } catch (error) {
      if (!isNamed(error, 'LimitExceededException') || !(error as Error).message.includes(NO_ROOM)) throw error;
      const words = `Kinesis stream ${input.StreamName} waits until AWS has made or deleted others: ${(error as Error).message}`;
      throw underWay(pipeline, words);
    }
  };
  command.middlewareStack.add((next) => (args) => whenThereIsRoom(next(args)), {
    name: 'whenThereIsRoom',
    step: 'finalizeRequest',
    priority: 'low',
  });
  return command;
}

/** All tags of a stream. */
export async function streamTags({ kinesis }: Pick<Clients, 'kinesis'>, StreamName: string): Promise<Record<string, string>> {
  const tags = await pages(
    (ExclusiveStartTagKey) => kinesis.send(new ListTagsForStreamCommand({ StreamName, ExclusiveStartTagKey, Limit: 50 })),
    ({ Tags = [] }) => Tags,
    ({ HasMoreTags, Tags = [] }) => (HasMoreTags ? Tags.at(-1)?.Key : undefined),
  );
  return tagMap(tags);
}

/** What a stream costs while it stands. */
export const streamCosts = ({
  OpenShardCount: shards = 0,
  RetentionPeriodHours: hours = 0,
  StreamModeDetails: mode,
}: StreamDescriptionSummary): Standing => ofStream(shards, hours, mode?.StreamMode === 'ON_DEMAND');
