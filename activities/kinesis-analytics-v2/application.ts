import {
  AddApplicationCloudWatchLoggingOptionCommand,
  type ApplicationDetail,
  type ApplicationStatus,
  DeleteApplicationCommand,
  DescribeApplicationCommand,
  ListTagsForResourceCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { ofStudio, type Standing } from '../../pipeline/standing-cost.ts';
import type { Clients } from '../aws.ts';
import { undefinedIfBusy, undefinedIfMissing } from '../errors.ts';
import { wantedShards } from '../kinesis/shards.ts';
import { notYet } from '../not-yet.ts';
import type { Difference, Resource, Status } from '../resource.ts';
import { tagList, tagMap } from '../tags.ts';
import { type Application, changesOf, isOfLogging, needsRenewal, UNFINISHED, updateOf } from './configuration.ts';
import { isNear, textOf, writtenIn } from './note.ts';
import { create, renew, renewalOf } from './renewal.ts';
import { resumePoint } from './resume.ts';
import { BUSY, isStopped, MISSING, pushToStop } from './stop.ts';

/** Studio reports READY while it is stopped; both READY and RUNNING are a finished creation. Who starts it is the notebook's workflow. */
const STATUS = {
  READY: 'ready',
  RUNNING: 'ready',
  AUTOSCALING: 'ready',
  ROLLED_BACK: 'ready',
  STARTING: 'pending',
  STOPPING: 'pending',
  FORCE_STOPPING: 'pending',
  UPDATING: 'pending',
  ROLLING_BACK: 'pending',
  MAINTENANCE: 'pending',
  DELETING: 'leaving',
} satisfies Record<ApplicationStatus, Status>;

/** The Studio application with its note. */
export function application(clients: Clients): Resource<Application> {
  const { kinesisAnalyticsV2: client } = clients;
  const applicationName = (pipeline: Pipeline) => names(pipeline).application;
  return {
    label: (pipeline) => `Studio application ${applicationName(pipeline)}`,
    arn: (pipeline) => names(pipeline).applicationArn,
    role: 'studio',
    find: async (pipeline) => {
      const ApplicationName = applicationName(pipeline);
      const ResourceARN = names(pipeline).applicationArn;
      const [answer, tags] = await Promise.all([
        undefinedIfMissing(client.send(new DescribeApplicationCommand({ ApplicationName })), MISSING),
        undefinedIfMissing(client.send(new ListTagsForResourceCommand({ ResourceARN })), MISSING),
      ]);
      return answer?.ApplicationDetail && tags && { ...answer.ApplicationDetail, tags: tagMap(tags.Tags) };
    },
    look: async (pipeline) => {
      const ApplicationName = applicationName(pipeline);
      const answer = await undefinedIfMissing(client.send(new DescribeApplicationCommand({ ApplicationName })), MISSING);
      return answer?.ApplicationDetail;
    },
    create: async (pipeline) => create(clients, pipeline, await resumePoint(clients, pipeline, undefined)),
    differences: async (pipeline, found) => [
      ...changesOf(pipeline, found, await wantedShards(clients.kinesis, pipeline)),
      ...(renewalOf(found)?.by === 'spec' ? [UNFINISHED] : []),
    ],
    change: (pipeline, found, differing) => change(clients, pipeline, found, differing),
    tag: async (pipeline, _found, tags) => {
      await client.send(new TagResourceCommand({ ResourceARN: names(pipeline).applicationArn, Tags: tagList(tags) }));
    },
    untag: async (pipeline, _found, TagKeys) => {
      await client.send(new UntagResourceCommand({ ResourceARN: names(pipeline).applicationArn, TagKeys }));
    },
    status: ({ ApplicationStatus }) => STATUS[ApplicationStatus!],
    costs: studioCosts,
    remove: async (pipeline, found) => {
      const { ApplicationName, ApplicationStatus, CreateTimestamp } = found;
      if (!isStopped(found)) return pushToStop(client, pipeline, ApplicationStatus);
      const deletion = client.send(new DeleteApplicationCommand({ ApplicationName, CreateTimestamp }));
      await undefinedIfBusy(undefinedIfMissing(deletion, MISSING), ...BUSY);
    },
  };
}

/**
 * Another note, or another beginning of one that runs, takes an application made anew: any change ends the jobs of a running one, and they are to go on where the
 * windows stopped. Everything else is updated in place.
 */
async function change(clients: Clients, pipeline: Pipeline, found: Application, differing: Difference[]): Promise<void> {
  const { kinesisAnalyticsV2: client } = clients;
  const { ApplicationName, ConditionalToken } = found;
  const { studioLogStreamArn, roleArns } = names(pipeline);
  const busy = () => notYet(`Studio application ${ApplicationName} is busy`);
  const others = differing.filter((each) => !isOfLogging(each));
  if (others.length === 0) {
    const CloudWatchLoggingOption = { LogStreamARN: studioLogStreamArn };
    const addition = client.send(
      new AddApplicationCloudWatchLoggingOptionCommand({ ApplicationName, ConditionalToken, CloudWatchLoggingOption }),
    );
    if (!(await undefinedIfBusy(addition, ...BUSY))) throw busy();
    return;
  }
  const written = writtenIn(textOf(found));
  const isAnew = written === undefined || others.some(needsRenewal);
  if (isAnew || !isStopped(found)) {
    const reading = await resumePoint(clients, pipeline, found);
    if (isAnew || !isNear(written, reading)) return renew(clients, pipeline, found, reading, 'spec');
  }
  const update = client.send(
    new UpdateApplicationCommand({
      ApplicationName,
      ConditionalToken,
      ...(others.some(({ field }) => field === 'ServiceExecutionRole') && { ServiceExecutionRoleUpdate: roleArns.studio }),
      ApplicationConfigurationUpdate: updateOf(pipeline, others, written),
    }),
  );
  if (!(await undefinedIfBusy(update, ...BUSY))) throw busy();
  if (others.length < differing.length) throw notYet(`Studio application ${ApplicationName} gets its log stream back next`);
}

/** What an application costs as it is now. */
export function studioCosts({ ApplicationStatus, ApplicationConfigurationDescription: reported }: ApplicationDetail): Standing {
  const { Parallelism } = reported?.FlinkApplicationConfigurationDescription?.ParallelismConfigurationDescription ?? {};
  return ofStudio(Parallelism ?? 1, ApplicationStatus === 'READY');
}
