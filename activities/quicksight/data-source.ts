import {
  CreateDataSourceCommand,
  type DataSource,
  DeleteDataSourceCommand,
  DescribeDataSourceCommand,
  DescribeDataSourcePermissionsCommand,
  ListTagsForResourceCommand,
  UpdateDataSourceCommand,
  UpdateDataSourcePermissionsCommand,
} from '@aws-sdk/client-quicksight';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { differences } from '../differences.ts';
import { unlessMissing } from '../errors.ts';
import { type Found, notYet, type Resource, unlessLost } from '../resource.ts';
import { tagList, tagMap } from '../tags.ts';
import { granted, permissions } from './permissions.ts';
import { STATUS } from './status.ts';

type FoundDataSource = Found & DataSource;

const MISSING = 'ResourceNotFoundException';

/** The way from QuickSight to the pipeline's Athena workgroup. */
export function dataSource({ quicksight }: Clients): Resource<FoundDataSource> {
  const id = (pipeline: Pipeline) => ({ AwsAccountId: pipeline.account, DataSourceId: names(pipeline).dataSource });
  const parameters = (pipeline: Pipeline) => ({
    AthenaParameters: { WorkGroup: names(pipeline).workgroup, RoleArn: names(pipeline).roleArns.quicksight },
  });
  const remove = async (pipeline: Pipeline): Promise<void> => {
    await unlessMissing(quicksight.send(new DeleteDataSourceCommand(id(pipeline))), MISSING);
  };
  return {
    label: (pipeline) => `QuickSight data source ${names(pipeline).dataSource}`,
    find: async (pipeline) => {
      const answer = await unlessMissing(quicksight.send(new DescribeDataSourceCommand(id(pipeline))), MISSING);
      if (!answer?.DataSource) return undefined;
      const ResourceArn = answer.DataSource.Arn;
      const tags = await unlessMissing(quicksight.send(new ListTagsForResourceCommand({ ResourceArn })), MISSING);
      return tags && { ...answer.DataSource, tags: tagMap(tags.Tags) };
    },
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
      await unlessLost(creation, 'ResourceExistsException');
    },
    update: async (pipeline, found) => {
      if (found.Status === 'CREATION_FAILED') {
        // The id stays taken; a creation that failed is made anew.
        await remove(pipeline);
        throw notYet(`QuickSight data source ${names(pipeline).dataSource} failed and is made anew`);
      }
      const changed = differences({ DataSourceParameters: parameters(pipeline) }, found);
      if (changed.length > 0 || found.Status === 'UPDATE_FAILED') {
        const Name = names(pipeline).dataSource;
        await quicksight.send(new UpdateDataSourceCommand({ ...id(pipeline), Name, DataSourceParameters: parameters(pipeline) }));
        if (changed.length === 0) changed.push('Status');
      }
      const grants = await granted(
        permissions(pipeline, 'dataSource'),
        () => quicksight.send(new DescribeDataSourcePermissionsCommand(id(pipeline))),
        (GrantPermissions) => quicksight.send(new UpdateDataSourcePermissionsCommand({ ...id(pipeline), GrantPermissions })),
      );
      return [...changed, ...grants];
    },
    status: ({ Status }) => STATUS[Status!],
    reason: ({ ErrorInfo }) => ErrorInfo && `${ErrorInfo.Type}: ${ErrorInfo.Message}`,
    remove,
  };
}
