import { GetRecordsCommand, GetShardIteratorCommand, type KinesisClient, ListShardsCommand } from '@aws-sdk/client-kinesis';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';

/** Windows, the watermark's delay and the sinks' flush take less than this. */
const PATIENCE_MS = 60_000;
const LOOKED_AT = 200;

/** Why no windows come out although kills go in; undefined when they do, or when nothing goes in. */
export async function flow({ kinesis }: Clients, pipeline: Pipeline): Promise<string | undefined> {
  const { streams } = names(pipeline);
  const late = PATIENCE_MS + 2000 * pipeline.windowSeconds;
  const since = Date.now() - 2 * late;
  const input = await shardsWith(kinesis, streams.events, since, (record) => record.event_type === 'kill' && ageOf(record) > late);
  if (!input.some(({ found }) => found)) return undefined;
  const output = await shardsWith(kinesis, streams.player_metrics, since, () => true);
  if (output.some(({ found }) => found)) return undefined;
  const silent = input.filter(({ isEmpty }) => isEmpty).map(({ shard }) => shard);
  const why =
    silent.length > 0
      ? `nothing comes into ${silent.join(', ')}, and a shard without records or heartbeats holds event time back until it counts as idle`
      : 'every shard has records, so event time stands still in Flink: look at the job and its watermarks in the Flink UI';
  return `kills go in, but for ${Math.round(late / 1000)} s no window has come out: ${why}`;
}

const ageOf = ({ event_time: time = '' }: Row) => Date.now() - Date.parse(`${time}Z`);

interface Row {
  event_type?: string;
  event_time?: string;
}

/** Of each shard: whether anything has come in since, and whether such a record is among the first. */
async function shardsWith(kinesis: KinesisClient, StreamName: string, since: number, isSought: (record: Row) => boolean) {
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName }));
  const open = Shards.filter(({ SequenceNumberRange }) => SequenceNumberRange?.EndingSequenceNumber === undefined);
  return Promise.all(
    open.map(async ({ ShardId }) => {
      const position = { StreamName, ShardId, ShardIteratorType: 'AT_TIMESTAMP' as const, Timestamp: new Date(since) };
      const { ShardIterator } = await kinesis.send(new GetShardIteratorCommand(position));
      const { Records = [] } = await kinesis.send(new GetRecordsCommand({ ShardIterator, Limit: LOOKED_AT }));
      const rows = Records.map(({ Data }) => JSON.parse(Buffer.from(Data ?? []).toString('utf8')) as Row);
      return { shard: ShardId, isEmpty: rows.length === 0, found: rows.some(isSought) };
    }),
  );
}
