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
import { differences } from '../differences.ts';
import { unlessMissing } from '../errors.ts';
import { type Difference, type Found, notYet, type Resource, unlessLost } from '../resource.ts';
import { tagList, tagMap } from '../tags.ts';
import { definitionHash } from './definition.ts';
import { apart, permissions, ungranted } from './permissions.ts';
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
  const tag = async (pipeline: Pipeline, tags: Record<string, string>): Promise<void> => {
    await quicksight.send(new TagResourceCommand({ ResourceArn: names(pipeline).analysisArn, Tags: tagList(tags) }));
  };
  const describe = async (pipeline: Pipeline): Promise<FoundAnalysis | undefined> =>
    (await unlessMissing(quicksight.send(new DescribeAnalysisCommand(id(pipeline))), MISSING))?.Analysis;
  return {
    label: (pipeline) => `QuickSight analysis ${names(pipeline).analysis}`,
    arn: (pipeline) => names(pipeline).analysisArn,
    find: async (pipeline) => {
      const ResourceArn = names(pipeline).analysisArn;
      const [found, tags] = await Promise.all([
        describe(pipeline),
        unlessMissing(quicksight.send(new ListTagsForResourceCommand({ ResourceArn })), MISSING),
      ]);
      return found && tags && { ...found, tags: tagMap(tags.Tags) };
    },
    look: describe,
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
    differences: async (pipeline, { Name, Status, tags }) => {
      const isIn = tags?.[DEFINITION_TAG];
      const fields: Difference[] = differences({ Name: names(pipeline).analysis }, { Name });
      if (isIn !== definitionHash(pipeline)) fields.push({ field: 'Definition', is: isIn, wanted: definitionHash(pipeline) });
      if (STATUS[Status!] === 'broken') fields.push({ field: 'Status', is: Status, wanted: 'CREATION_SUCCESSFUL' });
      if (Status === 'DELETED') return fields;
      const look = () => quicksight.send(new DescribeAnalysisPermissionsCommand(id(pipeline)));
      return [...fields, ...(await ungranted(permissions(pipeline, 'analysis'), look))];
    },
    change: async (pipeline, { Status }, found) => {
      if (Status === 'DELETED') {
        await quicksight.send(new RestoreAnalysisCommand(id(pipeline)));
        throw notYet(`QuickSight analysis ${names(pipeline).analysis} is restored from its recovery window`);
      }
      const { fields, grants } = apart(found);
      if (fields) {
        await quicksight.send(new UpdateAnalysisCommand(content(pipeline)));
        await tag(pipeline, hashTag(pipeline));
      }
      const GrantPermissions = permissions(pipeline, 'analysis');
      if (grants) await quicksight.send(new UpdateAnalysisPermissionsCommand({ ...id(pipeline), GrantPermissions }));
    },
    tag: (pipeline, _found, tags) => tag(pipeline, tags),
    status: ({ Status }) => STATUS[Status!],
    reason: ({ Errors }) => faults(Errors),
    // Otherwise the id stays taken for the 30 days of the recovery window.
    remove: async (pipeline) => {
      const deletion = quicksight.send(new DeleteAnalysisCommand({ ...id(pipeline), ForceDeleteWithoutRecovery: true }));
      await unlessMissing(deletion, MISSING);
    },
  };
}
