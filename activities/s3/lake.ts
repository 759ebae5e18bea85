import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { LAKE_TABLES, names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { type Calls, callsIn } from '../calls.ts';
import { underWay } from '../not-yet.ts';

/** Looks at what has been delivered into the lake. */
export function lake({ s3 }: Clients) {
  return {
    /** Returns once every table has at least one object. */
    'lake.delivered': (pipeline: Pipeline): Promise<Calls> =>
      callsIn(async () => {
        const { bucket, prefix } = names(pipeline);
        for (const table of LAKE_TABLES) {
          const { KeyCount } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix(table), MaxKeys: 1 }));
          if (!KeyCount) throw underWay(pipeline, `nothing has been delivered to ${prefix(table)} yet`);
        }
      }),
    /** True when every table of the lake is among `tables`. */
    'lake.tabled': async (_pipeline: Pipeline, tables: string[]): Promise<boolean> => LAKE_TABLES.every((table) => tables.includes(table)),
  };
}
