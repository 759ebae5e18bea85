import {
  CreateWorkGroupCommand,
  DeleteWorkGroupCommand,
  GetWorkGroupCommand,
  ListTagsForResourceCommand,
  StopQueryExecutionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateWorkGroupCommand,
  type WorkGroup,
} from '@aws-sdk/client-athena';
import { names } from '../../pipeline/names.ts';
import { largestScan } from '../../pipeline/scans.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { differences } from '../differences.ts';
import { unless } from '../errors.ts';
import { notYet } from '../not-yet.ts';
import type { Found, Resource } from '../resource.ts';
import { tagList, tagMap } from '../tags.ts';
import { isAbsent, isTaken } from './errors.ts';
import { executionsIn } from './listings.ts';

type FoundWorkGroup = Found & WorkGroup;

const GIB = 1024 ** 3;
/** 10 GiB, about 5 cents: what reads more than that, and than twice the largest of the pipeline's own queries, is a mistake. */
const cutoff = (pipeline: Pipeline) => GIB * Math.max(10, Math.ceil((2 * largestScan(pipeline)) / GIB));

/** The workgroup that every question of the pipeline runs in, with its limits enforced. */
export function workGroup({ athena }: Clients): Resource<FoundWorkGroup> {
  const describe = async (WorkGroup: string, ResourceARN: string): Promise<FoundWorkGroup> => {
    const [found, { Tags }] = await Promise.all([
      athena.send(new GetWorkGroupCommand({ WorkGroup })),
      athena.send(new ListTagsForResourceCommand({ ResourceARN })),
    ]);
    return { ...found.WorkGroup!, tags: tagMap(Tags) };
  };
  return {
    label: (pipeline) => `Athena workgroup ${names(pipeline).workgroup}`,
    arn: (pipeline) => names(pipeline).workgroupArn,
    find: (pipeline) => unless(describe(names(pipeline).workgroup, names(pipeline).workgroupArn), isAbsent),
    create: async (pipeline) => {
      const { workgroup, tags } = names(pipeline);
      const Configuration = { ...limits(pipeline), ResultConfiguration: results(pipeline) };
      try {
        await athena.send(new CreateWorkGroupCommand({ Name: workgroup, Configuration, Tags: tagList(tags) }));
      } catch (error) {
        if (isTaken(error)) throw notYet((error as Error).message);
        throw error;
      }
    },
    differences: (pipeline, { State, Configuration }) =>
      differences({ State: 'ENABLED', ...limits(pipeline), ResultConfiguration: results(pipeline) }, { State, ...Configuration }),
    change: async (pipeline) => {
      await athena.send(
        new UpdateWorkGroupCommand({
          WorkGroup: names(pipeline).workgroup,
          State: 'ENABLED',
          ConfigurationUpdates: { ...limits(pipeline), ResultConfigurationUpdates: results(pipeline) },
        }),
      );
    },
    tag: async (pipeline, _found, tags) => {
      await athena.send(new TagResourceCommand({ ResourceARN: names(pipeline).workgroupArn, Tags: tagList(tags) }));
    },
    untag: async (pipeline, _found, TagKeys) => {
      await athena.send(new UntagResourceCommand({ ResourceARN: names(pipeline).workgroupArn, TagKeys }));
    },
    status: () => 'ready',
    remove: async (pipeline) => {
      await unless(stopQueries(names(pipeline).workgroup), isAbsent);
      const deletion = athena.send(new DeleteWorkGroupCommand({ WorkGroup: names(pipeline).workgroup, RecursiveDeleteOption: true }));
      await unless(deletion, isAbsent);
    },
  };

  /** Queries outlive their workgroup, and what they scan is billed. The newest are listed first, and none runs for as long as `LONGEST_MS`. */
  async function stopQueries(WorkGroup: string): Promise<void> {
    for await (const page of executionsIn(athena, WorkGroup)) {
      for (const { QueryExecutionId, Status } of page)
        if (Status?.State === 'QUEUED' || Status?.State === 'RUNNING')
          await athena.send(new StopQueryExecutionCommand({ QueryExecutionId }));
      const oldest = Math.min(...page.map(({ Status }) => Status?.SubmissionDateTime?.getTime() ?? 0));
      if (Date.now() - oldest >= LONGEST_MS) return;
    }
  }
}

const LONGEST_MS = 43_200_000;
const limits = (pipeline: Pipeline) => ({
  EnforceWorkGroupConfiguration: true,
  PublishCloudWatchMetricsEnabled: true,
  BytesScannedCutoffPerQuery: cutoff(pipeline),
});

const results = (pipeline: Pipeline) => ({
  OutputLocation: `s3://${names(pipeline).bucket}/${names(pipeline).resultsPrefix}`,
  EncryptionConfiguration: { EncryptionOption: 'SSE_S3' as const },
});
