import {
  CreateTableCommand,
  DeleteTableCommand,
  GetTableCommand,
  GetTagsCommand,
  type Table,
  type TableInput,
  UpdateTableCommand,
} from '@aws-sdk/client-glue';
import { AUDIT_COLUMNS } from '../../pipeline/audit.ts';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { differences } from '../differences.ts';
import { undefinedIfMissing } from '../errors.ts';
import { retryIfLost } from '../not-yet.ts';
import { throughParent } from '../own-tags.ts';
import type { Found, Resource } from '../resource.ts';

type FoundTable = Found & Table;

const MISSING = 'EntityNotFoundException';

/** The table of the last audit, owned through the lake's database. No crawl makes it: it is there, and empty, before the first audit, so that the dashboard can show it. */
export function auditTable({ glue }: Clients): Resource<FoundTable> {
  const label = (pipeline: Pipeline) => `Glue table ${names(pipeline).lakeDatabase}.${names(pipeline).lastAudit.table}`;
  return {
    label,
    find: async (pipeline) => {
      const { lakeDatabase: DatabaseName, databaseArn, lastAudit } = names(pipeline);
      const [answer, parent] = await Promise.all([
        undefinedIfMissing(glue.send(new GetTableCommand({ DatabaseName, Name: lastAudit.table })), MISSING),
        undefinedIfMissing(glue.send(new GetTagsCommand({ ResourceArn: databaseArn(DatabaseName) })), MISSING),
      ]);
      return throughParent(label(pipeline), answer?.Table, parent && (parent.Tags ?? {}));
    },
    create: async (pipeline) => {
      const creation = glue.send(new CreateTableCommand({ DatabaseName: names(pipeline).lakeDatabase, TableInput: content(pipeline) }));
      await retryIfLost(creation, 'AlreadyExistsException');
    },
    differences: (pipeline, found) => {
      const { Name, ...rest } = content(pipeline);
      return differences(rest, found);
    },
    change: async (pipeline) => {
      await glue.send(new UpdateTableCommand({ DatabaseName: names(pipeline).lakeDatabase, TableInput: content(pipeline) }));
    },
    status: () => 'ready',
    remove: async (pipeline) => {
      const { lakeDatabase: DatabaseName, lastAudit } = names(pipeline);
      await undefinedIfMissing(glue.send(new DeleteTableCommand({ DatabaseName, Name: lastAudit.table })), MISSING);
    },
  };
}

const content = (pipeline: Pipeline): TableInput => {
  const { bucket, lastAudit } = names(pipeline);
  return {
    Name: lastAudit.table,
    TableType: 'EXTERNAL_TABLE',
    // Athena reads no table without this list.
    PartitionKeys: [],
    Parameters: { classification: 'json' },
    StorageDescriptor: {
      Location: `s3://${bucket}/${lastAudit.prefix}`,
      Columns: Object.entries(AUDIT_COLUMNS).map(([Name, Type]) => ({ Name, Type })),
      InputFormat: 'org.apache.hadoop.mapred.TextInputFormat',
      OutputFormat: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
      SerdeInfo: {
        SerializationLibrary: 'org.openx.data.jsonserde.JsonSerDe',
        Parameters: { paths: Object.keys(AUDIT_COLUMNS).join(',') },
      },
    },
  };
};
