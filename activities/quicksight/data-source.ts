import {
  CreateDataSourceCommand,
  type DataSource,
  DeleteDataSourceCommand,
  DescribeDataSourceCommand,
  DescribeDataSourcePermissionsCommand,
  ListTagsForResourceCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateDataSourceCommand,
  UpdateDataSourcePermissionsCommand,
} from '@aws-sdk/client-quicksight';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { differences } from '../differences.ts';
import { undefinedIfMissing } from '../errors.ts';
import { notYet, retryIfLost } from '../not-yet.ts';
import type { Found, Resource } from '../resource.ts';
import { tagList, tagMap } from '../tags.ts';
import { apart, grantDifferences, permissions } from './permissions.ts';
import { STATUS } from './status.ts';

type FoundDataSource = Found & DataSource;

const MISSING = 'ResourceNotFoundException';

/** The way from QuickSight to the pipeline's Athena workgroup. */
export function dataSource({ quicksight }: Clients): Resource<FoundDataSource> {
  const id = (pipeline: Pipeline) => ({ AwsAccountId: pipeline.account, DataSourceId: names(pipeline).dataSource });
  const parameters = (pipeline: Pipeline) => ({
    AthenaParameters: { WorkGroup: names(pipeline).workgroup, RoleArn: names(pipeline).roleArns.quicksight },
  });
  const describe = async (pipeline: Pipeline): Promise<FoundDataSource | undefined> =>
    (await undefinedIfMissing(quicksight.send(new DescribeDataSourceCommand(id(pipeline))), MISSING))?.DataSource;
  const remove = async (pipeline: Pipeline): Promise<void> => {
    await undefinedIfMissing(quicksight.send(new DeleteDataSourceCommand(id(pipeline))), MISSING);
  };
  return {
    label: (pipeline) => `QuickSight data source ${names(pipeline).dataSource}`,
    arn: (pipeline) => names(pipeline).dataSourceArn,
    role: 'quicksight',
    find: async (pipeline) => {
      const ResourceArn = names(pipeline).dataSourceArn;
      const [found, tags] = await Promise.all([
        describe(pipeline),
        undefinedIfMissing(quicksight.send(new ListTagsForResourceCommand({ ResourceArn })), MISSING),
      ]);
      return found && tags && { ...found, tags: tagMap(tags.Tags) };
    },
    look: describe,
    create: async (pipeline) => {
      const creation = quicksight.send(
        new CreateDataSourceCommand({
          ...id(pipeline),
          Name: names(pipeline).dataSource,
          Type: 'ATHENA',
          DataSourceParameters: parameters(pipeline),
          Permissions: permissions(pipeline, 'dataSource'),
          Tags: tagList(names(pipeline).tags),
        }),
      );
      await retryIfLost(creation, 'ResourceExistsException');
    },
    differences: async (pipeline, found) => {
      const wanted = { Name: names(pipeline).dataSource, Type: 'ATHENA', DataSourceParameters: parameters(pipeline) };
      const fields = differences(wanted, found).map((each) => (each.field === 'Type' ? { ...each, replace: true as const } : each));
      if (STATUS[found.Status!] === 'broken') fields.push({ field: 'Status', is: found.Status, wanted: 'CREATION_SUCCESSFUL' });
      const look = () => quicksight.send(new DescribeDataSourcePermissionsCommand(id(pipeline)));
      return [...fields, ...(await grantDifferences(pipeline, 'dataSource', look))];
    },
    change: async (pipeline, { Status }, found) => {
      const Name = names(pipeline).dataSource;
      if (Status === 'CREATION_FAILED') {
        // The id stays taken; a creation that failed is made anew.
        await remove(pipeline);
        throw notYet(`QuickSight data source ${Name} failed and is made anew`);
      }
      const { others, grants } = apart(found);
      if (others.length > 0)
        await quicksight.send(new UpdateDataSourceCommand({ ...id(pipeline), Name, DataSourceParameters: parameters(pipeline) }));
      if (grants) await quicksight.send(new UpdateDataSourcePermissionsCommand({ ...id(pipeline), ...grants }));
    },
    tag: async (pipeline, _found, tags) => {
      await quicksight.send(new TagResourceCommand({ ResourceArn: names(pipeline).dataSourceArn, Tags: tagList(tags) }));
    },
    untag: async (pipeline, _found, TagKeys) => {
      await quicksight.send(new UntagResourceCommand({ ResourceArn: names(pipeline).dataSourceArn, TagKeys }));
    },
    status: ({ Status }) => STATUS[Status!],
    reason: ({ ErrorInfo }) => ErrorInfo && `${ErrorInfo.Type}: ${ErrorInfo.Message}`,
    remove,
  };
}
