import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamSummaryCommand,
  ListTagsForStreamCommand,
  type StreamDescriptionSummary,
  type StreamStatus,
  UpdateShardCountCommand,
} from '@aws-sdk/client-kinesis';
import { type LakeTable, names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { unlessBusy, unlessMissing } from '../errors.ts';
import { type Found, notYet, type Resource, type Status, unlessLost } from '../resource.ts';
import { tagMap } from '../tags.ts';

type Stream = Found & StreamDescriptionSummary;

const STATUS = { CREATING: 'pending', UPDATING: 'pending', ACTIVE: 'ready', DELETING: 'leaving' } satisfies Record<StreamStatus, Status>;

/** The stream behind one table of the lake: the events with the spec's shards, the metrics with one shard each. */
export function stream({ kinesis }: Clients, table: LakeTable): Resource<Stream> {
  const streamName = (pipeline: Pipeline) => names(pipeline).streams[table];
  const shards = (pipeline: Pipeline) => (table === 'events' ? pipeline.shards : 1);
  const describe = async (StreamName: string): Promise<Stream> => {
    const { StreamDescriptionSummary: summary } = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName }));
    const { Tags } = await kinesis.send(new ListTagsForStreamCommand({ StreamName, Limit: 50 }));
    return { ...summary!, tags: tagMap(Tags) };
  };
  return {
    label: (pipeline) => `Kinesis stream ${streamName(pipeline)}`,
    find: (pipeline) => unlessMissing(describe(streamName(pipeline)), 'ResourceNotFoundException'),
    create: async (pipeline) => {
      const input = { StreamName: streamName(pipeline), ShardCount: shards(pipeline), Tags: names(pipeline).tags };
      await unlessLost(kinesis.send(new CreateStreamCommand(input)), 'ResourceInUseException');
    },
    update: async (pipeline, { OpenShardCount: open = 0 }) => {
      const wanted = shards(pipeline);
      if (open === wanted) return [];
      // One call at most doubles or halves.
      const target = Math.min(Math.max(wanted, Math.ceil(open / 2)), open * 2);
      const StreamName = streamName(pipeline);
      await kinesis.send(new UpdateShardCountCommand({ StreamName, TargetShardCount: target, ScalingType: 'UNIFORM_SCALING' }));
      if (target !== wanted) throw notYet(`Kinesis stream ${StreamName} is on its way from ${open} over ${target} to ${wanted} shards`);
      return ['ShardCount'];
    },
    status: ({ StreamStatus: status }) => STATUS[status!],
    remove: async (pipeline) => {
      const deletion = kinesis.send(new DeleteStreamCommand({ StreamName: streamName(pipeline), EnforceConsumerDeletion: true }));
      await unlessBusy(unlessMissing(deletion, 'ResourceNotFoundException'), 'ResourceInUseException');
    },
  };
}
