import {
  type Analysis,
  type AnalysisDefinition,
  CreateAnalysisCommand,
  DeleteAnalysisCommand,
  DescribeAnalysisCommand,
  DescribeAnalysisDefinitionCommand,
  DescribeAnalysisPermissionsCommand,
  ListTagsForResourceCommand,
  RestoreAnalysisCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAnalysisCommand,
  UpdateAnalysisPermissionsCommand,
} from '@aws-sdk/client-quicksight';
import { dashboardDefinition } from '../../pipeline/dashboard.ts';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { differences } from '../differences.ts';
import { undefinedIfMissing } from '../errors.ts';
import { notYet, retryIfLost } from '../not-yet.ts';
import type { Difference, Found, Resource } from '../resource.ts';
import { hashOf } from '../spec-hash.ts';
import { tagList, tagMap } from '../tags.ts';
import { definitionDifferences, definitionHash } from './definition.ts';
import { apart, grantDifferences, permissions } from './permissions.ts';
import { faults, STATUS } from './status.ts';

type FoundAnalysis = Found & Analysis;

const MISSING = 'ResourceNotFoundException';
/** The tags that keep the hash of the definition it was made from, and that of what QuickSight made of it, once that can be asked. */
const DEFINITION_TAG = 'data2dashboard:definition';
const MADE_TAG = 'data2dashboard:made';
const NOT_YET = 'pending';

/** The analysis: the dashboard's definition, for authors to copy and work on. */
export function analysis({ quicksight }: Clients): Resource<FoundAnalysis> {
  const id = (pipeline: Pipeline) => ({ AwsAccountId: pipeline.account, AnalysisId: names(pipeline).analysis });
  const content = (pipeline: Pipeline) => ({ ...id(pipeline), Name: names(pipeline).analysis, Definition: dashboardDefinition(pipeline) });
  const making = (pipeline: Pipeline) => ({ [DEFINITION_TAG]: definitionHash(pipeline), [MADE_TAG]: NOT_YET });
  const tag = async (pipeline: Pipeline, tags: Record<string, string>): Promise<void> => {
    await quicksight.send(new TagResourceCommand({ ResourceArn: names(pipeline).analysisArn, Tags: tagList(tags) }));
  };
  const describe = async (pipeline: Pipeline): Promise<FoundAnalysis | undefined> =>
    (await undefinedIfMissing(quicksight.send(new DescribeAnalysisCommand(id(pipeline))), MISSING))?.Analysis;
  const tagsOf = async (pipeline: Pipeline): Promise<Record<string, string> | undefined> => {
    const ResourceArn = names(pipeline).analysisArn;
    const answer = await undefinedIfMissing(quicksight.send(new ListTagsForResourceCommand({ ResourceArn })), MISSING);
    return answer && tagMap(answer.Tags);
  };
  const definitionOf = async (pipeline: Pipeline): Promise<AnalysisDefinition | undefined> =>
    (await quicksight.send(new DescribeAnalysisDefinitionCommand(id(pipeline)))).Definition;
  return {
    label: (pipeline) => `QuickSight analysis ${names(pipeline).analysis}`,
    arn: (pipeline) => names(pipeline).analysisArn,
    find: async (pipeline) => {
      const [found, tags] = await Promise.all([describe(pipeline), tagsOf(pipeline)]);
      return found && tags && { ...found, tags };
    },
    look: describe,
    create: async (pipeline) => {
      const creation = quicksight.send(
        new CreateAnalysisCommand({
          ...content(pipeline),
          Permissions: permissions(pipeline, 'analysis'),
          Tags: tagList({ ...names(pipeline).tags, ...making(pipeline) }),
        }),
      );
      await retryIfLost(creation, 'ResourceExistsException');
    },
    differences: async (pipeline, { Name, Status, tags = {} }) => {
      const fields: Difference[] = differences({ Name: names(pipeline).analysis }, { Name });
      if (Status !== 'DELETED') fields.push(...changesIn(pipeline, tags, await definitionOf(pipeline)));
      if (STATUS[Status!] === 'broken') fields.push({ field: 'Status', is: Status, wanted: 'CREATION_SUCCESSFUL' });
      if (Status === 'DELETED') return fields;
      const look = () => quicksight.send(new DescribeAnalysisPermissionsCommand(id(pipeline)));
      return [...fields, ...(await grantDifferences(pipeline, 'analysis', look))];
    },
    change: async (pipeline, { Status }, found) => {
      if (Status === 'DELETED') {
        await quicksight.send(new RestoreAnalysisCommand(id(pipeline)));
        throw notYet(`QuickSight analysis ${names(pipeline).analysis} is restored from its recovery window`);
      }
      const { others, grants } = apart(found);
      if (others.length > 0) {
        await tag(pipeline, making(pipeline));
        await quicksight.send(new UpdateAnalysisCommand(content(pipeline)));
      }
      if (grants) await quicksight.send(new UpdateAnalysisPermissionsCommand({ ...id(pipeline), ...grants }));
    },
    complete: async (pipeline) => {
      if ((await tagsOf(pipeline))?.[MADE_TAG] === NOT_YET) await tag(pipeline, { [MADE_TAG]: hashOf(await definitionOf(pipeline)) });
      return false;
    },
    tag: (pipeline, _found, tags) => tag(pipeline, tags),
    untag: async (pipeline, _found, TagKeys) => {
      await quicksight.send(new UntagResourceCommand({ ResourceArn: names(pipeline).analysisArn, TagKeys }));
    },
    status: ({ Status }) => STATUS[Status!],
    reason: ({ Errors }) => faults(Errors),
    // Otherwise the id stays taken for the 30 days of the recovery window.
    remove: async (pipeline) => {
      const deletion = quicksight.send(new DeleteAnalysisCommand({ ...id(pipeline), ForceDeleteWithoutRecovery: true }));
      await undefinedIfMissing(deletion, MISSING);
    },
  };
}

/** What differs inside the definition. Nothing, if it was made from ours and is as QuickSight made it; else even what only QuickSight's own words would tell. */
function changesIn(pipeline: Pipeline, tags: Record<string, string>, reported: AnalysisDefinition | undefined): Difference[] {
  if (tags[DEFINITION_TAG] === definitionHash(pipeline) && tags[MADE_TAG] === hashOf(reported)) return [];
  const inside = definitionDifferences(pipeline, reported);
  return inside.length > 0 ? inside : [{ field: 'Definition', is: 'with more in it, or not known to be ours', wanted: 'as it was made' }];
}
