import {
  BatchDeleteTableCommand,
  CreateDatabaseCommand,
  DeleteDatabaseCommand,
  GetDatabaseCommand,
  GetTablesCommand,
  GetTagsCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-glue';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { undefinedIfMissing } from '../errors.ts';
import { retryIfLost } from '../not-yet.ts';
import type { Resource } from '../resource.ts';

const MISSING = 'EntityNotFoundException';

/** A database of the catalog: the lake's tables, or the tables that Flink makes over the streams. Athena cannot read the latter, so they live apart. */
export function database({ glue }: Clients, which: 'flinkDatabase' | 'lakeDatabase'): Resource {
  const databaseName = (pipeline: Pipeline) => names(pipeline)[which];
  return {
    label: (pipeline) => `Glue database ${databaseName(pipeline)}`,
    arn: (pipeline) => names(pipeline).databaseArn(databaseName(pipeline)),
    find: async (pipeline) => {
      const Name = databaseName(pipeline);
      const found = await undefinedIfMissing(glue.send(new GetDatabaseCommand({ Name })), MISSING);
      if (!found) return undefined;
      const tags = await undefinedIfMissing(glue.send(new GetTagsCommand({ ResourceArn: names(pipeline).databaseArn(Name) })), MISSING);
      return tags && { tags: tags.Tags ?? {} };
    },
    create: async (pipeline) => {
      const creation = glue.send(
        new CreateDatabaseCommand({ DatabaseInput: { Name: databaseName(pipeline) }, Tags: names(pipeline).tags }),
      );
      await retryIfLost(creation, 'AlreadyExistsException');
    },
    differences: () => [],
    change: async () => undefined,
    tag: async (pipeline, _found, TagsToAdd) => {
      await glue.send(new TagResourceCommand({ ResourceArn: names(pipeline).databaseArn(databaseName(pipeline)), TagsToAdd }));
    },
    untag: async (pipeline, _found, TagsToRemove) => {
      await glue.send(new UntagResourceCommand({ ResourceArn: names(pipeline).databaseArn(databaseName(pipeline)), TagsToRemove }));
    },
    status: () => 'ready',
    remove: async (pipeline) => {
      await undefinedIfMissing(removeDatabase(databaseName(pipeline)), MISSING);
    },
  };

  async function removeDatabase(DatabaseName: string): Promise<void> {
    for (;;) {
      const { TableList = [] } = await glue.send(new GetTablesCommand({ DatabaseName, MaxResults: 100 }));
      if (TableList.length === 0) break;
      const TablesToDelete = TableList.map(({ Name = '' }) => Name);
      const { Errors = [] } = await glue.send(new BatchDeleteTableCommand({ DatabaseName, TablesToDelete }));
      const failed = Errors.find(({ ErrorDetail }) => ErrorDetail?.ErrorCode !== MISSING);
      if (failed) throw new Error(`table ${failed.TableName}: ${failed.ErrorDetail?.ErrorCode}: ${failed.ErrorDetail?.ErrorMessage}`);
    }
    await glue.send(new DeleteDatabaseCommand({ Name: DatabaseName }));
  }
}
