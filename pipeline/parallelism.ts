/** More subtasks than this are not tried: it is the most of a Studio application (64 KPUs). */
const MOST = 64;

/** The subtask that reads a shard: how the Kinesis connector of Flink spreads them, in 1.15 as in 1.20. */
function subtaskOf(stream: string, shard: string, parallelism: number): number {
  const hash = (37 * 17 * 37 + 37 * hashOf(stream) + hashOf(shard)) | 0;
  return Math.abs(hash % parallelism);
}

/**
 * The smallest parallelism at which each of these shards has a subtask of its own. With two in one subtask, the watermark of one drops the other's events in
 * silence. Throws when there is none, which only another name of the stream can help.
 */
export function parallelismFor(stream: string, shards: readonly string[]): number {
  for (let parallelism = Math.max(1, shards.length); parallelism <= MOST; parallelism++)
    if (new Set(shards.map((shard) => subtaskOf(stream, shard, parallelism))).size === shards.length) return parallelism;
  throw new Error(
    `Flink would read two of the ${shards.length} shards of ${stream} in one subtask, at any parallelism up to ${MOST}, and lose rows: choose another name or number of shards`,
  );
}

/** Java's hash of a string. */
function hashOf(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0;
  return hash;
}
