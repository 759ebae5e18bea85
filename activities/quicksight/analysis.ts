import {
  type Analysis,
  CreateAnalysisCommand,
  DeleteAnalysisCommand,
  DescribeAnalysisCommand,
  DescribeAnalysisPermissionsCommand,
  ListTagsForResourceCommand,
  RestoreAnalysisCommand,
  TagResourceCommand,
  UpdateAnalysisCommand,
  UpdateAnalysisPermissionsCommand,
} from '@aws-sdk/client-quicksight';
import { dashboardDefinition } from '../../pipeline/dashboard.ts';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { unlessMissing } from '../errors.ts';
import { type Found, notYet, type Resource, unlessLost } from '../resource.ts';
import { tagList, tagMap } from '../tags.ts';
import { definitionHash } from './definition.ts';
import { granted, permissions } from './permissions.ts';
import { faults, STATUS } from './status.ts';

type FoundAnalysis = Found & Analysis;

const MISSING = 'ResourceNotFoundException';
/** An analysis has no versions to describe; the hash of the definition it was made from is a tag. What its authors change since is theirs. */
const DEFINITION_TAG = 'data2dashboard:definition';

/** The analysis: the dashboard's definition, open for its authors to work on. */
export function analysis({ quicksight }: Clients): Resource<FoundAnalysis> {
  const id = (pipeline: Pipeline) => ({ AwsAccountId: pipeline.account, AnalysisId: names(pipeline).analysis });
  const content = (pipeline: Pipeline) => ({ ...id(pipeline), Name: names(pipeline).analysis, Definition: dashboardDefinition(pipeline) });
  const hashTag = (pipeline: Pipeline) => ({ [DEFINITION_TAG]: definitionHash(pipeline) });
  return {
    label: (pipeline) => `QuickSight analysis ${names(pipeline).analysis}`,
    find: async (pipeline) => {
      const answer = await unlessMissing(quicksight.send(new DescribeAnalysisCommand(id(pipeline))), MISSING);
      if (!answer?.Analysis) return undefined;
      const ResourceArn = answer.Analysis.Arn;
      const tags = await unlessMissing(quicksight.send(new ListTagsForResourceCommand({ ResourceArn })), MISSING);
      return tags && { ...answer.Analysis, tags: tagMap(tags.Tags) };
    },
    create: async (pipeline) => {
      const creation = quicksight.send(
        new CreateAnalysisCommand({
          ...content(pipeline),
          Permissions: permissions(pipeline, 'analysis'),
          Tags: tagList({ ...names(pipeline).tags, ...hashTag(pipeline) }),
        }),
      );
      await unlessLost(creation, 'ResourceExistsException');
    },
    update: async (pipeline, { Arn, Status, tags }) => {
      if (Status === 'DELETED') {
        await quicksight.send(new RestoreAnalysisCommand(id(pipeline)));
        throw notYet(`QuickSight analysis ${names(pipeline).analysis} is restored from its recovery window`);
      }
      const changed: string[] = [];
      if (tags?.[DEFINITION_TAG] !== definitionHash(pipeline) || STATUS[Status!] === 'broken') {
        await quicksight.send(new UpdateAnalysisCommand(content(pipeline)));
        await quicksight.send(new TagResourceCommand({ ResourceArn: Arn, Tags: tagList(hashTag(pipeline)) }));
        changed.push('Definition');
      }
      const grants = await granted(
        permissions(pipeline, 'analysis'),
        () => quicksight.send(new DescribeAnalysisPermissionsCommand(id(pipeline))),
        (GrantPermissions) => quicksight.send(new UpdateAnalysisPermissionsCommand({ ...id(pipeline), GrantPermissions })),
      );
      return [...changed, ...grants];
    },
    status: ({ Status }) => STATUS[Status!],
    reason: ({ Errors }) => faults(Errors),
    // Otherwise the id stays taken for the 30 days of the recovery window.
    remove: async (pipeline) => {
      const deletion = quicksight.send(new DeleteAnalysisCommand({ ...id(pipeline), ForceDeleteWithoutRecovery: true }));
      await unlessMissing(deletion, MISSING);
    },
  };
}
