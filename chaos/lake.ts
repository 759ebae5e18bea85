import { gunzipSync, gzipSync } from 'node:zlib';
import { GetObjectCommand, PutObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import type { Clients } from '../activities/aws.ts';
import { type LakeTable, names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';

/** The objects of a pipeline's lake, to be changed line by line. */
export interface Lake {
  /** Keys of a table's objects, the oldest first. */
  objects(table: LakeTable): Promise<string[]>;
  lines(key: string): Promise<string[]>;
  /** Puts others in place of the lines that were read. */
  put(key: string, lines: string[]): Promise<void>;
  /** Puts back what was there before. */
  restore(): Promise<void>;
}

export function lakeOf({ aws: { s3 } }: { aws: Pick<Clients, 's3'> }, pipeline: Pipeline): Lake {
  const { bucket: Bucket, prefix } = names(pipeline);
  const read = new Map<string, Uint8Array>();
  const changed = new Set<string>();
  return {
    objects: async (table) => {
      const keys: string[] = [];
      for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket, Prefix: prefix(table) }))
        keys.push(...Contents.map(({ Key = '' }) => Key));
      return keys;
    },
    lines: async (Key) => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
      const body = await Body!.transformToByteArray();
      if (!read.has(Key)) read.set(Key, body);
      return gunzipSync(body).toString().trimEnd().split('\n');
    },
    put: async (Key, lines) => {
      if (!read.has(Key)) throw new Error(`${Key} was not read before`);
      changed.add(Key);
      await s3.send(new PutObjectCommand({ Bucket, Key, Body: gzipSync(lines.map((line) => `${line}\n`).join('')) }));
    },
    restore: async () => {
      for (const Key of changed) await s3.send(new PutObjectCommand({ Bucket, Key, Body: read.get(Key) }));
    },
  };
}
