import {
  type ApplicationDetail,
  CreateApplicationCommand,
  DeleteApplicationCommand,
  DescribeApplicationCommand,
  type KinesisAnalyticsV2Client,
  TagResourceCommand,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { asyncLocalStorage } from '@temporalio/activity';
import { milliseconds } from '../../pipeline/duration.ts';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { STAGES } from '../../pipeline/stages.ts';
import type { Clients } from '../aws.ts';
import { awsNow } from '../clock.ts';
import { undefinedIfBusy, undefinedIfMissing } from '../errors.ts';
import { notYet, retryIfLost, underWay } from '../not-yet.ts';
import { pollUntil } from '../poll.ts';
import { tagList } from '../tags.ts';
import { type Application, creationOf } from './configuration.ts';
import type { Reading } from './note.ts';
import { BUSY, isStopped, MISSING, pushToStop } from './stop.ts';

/** Who makes an application anew: its stage, since the spec wants another one, or whoever keeps the notebook, since its SQL goes on from elsewhere. */
export type Renewer = 'spec' | 'notebook';

/** What an application says while it is stopped to be made anew. */
export interface Renewal {
  by: Renewer;
  /** Milliseconds since the epoch by AWS's clock. */
  since: number;
  /** From where on its SQL is to go on, when that was known before it stopped; milliseconds since the epoch. */
  from?: number;
}

/** With its deletion the tag goes, too. */
const TAG = 'data2dashboard:renewal';
/** After its stage's patience nobody is at it any more. */
const ABANDONED_MS = milliseconds(STAGES.studio.patience);
/** What a deletion may take within one activity. */
const DELETION_MS = 60_000;

/** The renewal that an application is being stopped for; undefined for any other. */
export function renewalOf({ tags }: Pick<Application, 'tags'> = {}): Renewal | undefined {
  const [, by, since = '', from] = /^(spec|notebook) (\S+)(?: (\S+))?$/.exec(tags?.[TAG] ?? '') ?? [];
  return by === undefined ? undefined : { by: by as Renewer, since: Date.parse(since), ...(from && { from: Date.parse(from) }) };
}

/** True while its stage is making the application anew: whoever started it meanwhile would start it in vain. */
export function isRenewedForSpec(client: KinesisAnalyticsV2Client, found: Application): boolean {
  const renewal = renewalOf(found);
  return renewal?.by === 'spec' && awsNow(client) - renewal.since < ABANDONED_MS;
}

/**
 * Does the next steps towards an application whose note reads so; resolves once there is one, which is not started. AWS takes a note only with the creation: so the
 * application is stopped, deleted and created anew. It holds no state that the SQL needs, as the note says where to go on. Each step may be the last of its worker:
 * an application that is being stopped says by a tag what for, and one that is gone is created by whoever finds that first.
 */
export async function renew(
  clients: Clients,
  pipeline: Pipeline,
  found: Application | undefined,
  reading: Reading,
  by: Renewer,
): Promise<void> {
  const { kinesisAnalyticsV2: client } = clients;
  const { application, applicationArn: ResourceARN } = names(pipeline);
  if (found && !isStopped(found)) {
    const [since, from] = [awsNow(client), reading.from].map((time) => (time === undefined ? '' : ` ${new Date(time).toISOString()}`));
    await client.send(new TagResourceCommand({ ResourceARN, Tags: tagList({ [TAG]: `${by}${since}${from}` }) }));
    await pushToStop(client, pipeline, found.ApplicationStatus);
    throw underWay(pipeline, `application ${application} is stopping, to be made anew with its next note`);
  }
  if (found) await deleted(client, found);
  // Nobody waits for it any more: it may have been removed for good meanwhile.
  if (asyncLocalStorage.getStore()?.cancellationSignal.aborted)
    throw notYet(`application ${application} is not made anew: that was cancelled`);
  await create(clients, pipeline, reading);
}

/** Creates the application with the note that reads so. */
export async function create({ kinesisAnalyticsV2: client }: Clients, pipeline: Pipeline, reading: Reading): Promise<void> {
  await retryIfLost(client.send(new CreateApplicationCommand(creationOf(pipeline, reading))), 'ResourceInUseException');
}

/** Deletes this very application, and resolves once it is gone: what is seen through needs no one to find it missing. */
async function deleted(client: KinesisAnalyticsV2Client, { ApplicationName, CreateTimestamp }: ApplicationDetail): Promise<void> {
  const deletion = client.send(new DeleteApplicationCommand({ ApplicationName, CreateTimestamp }));
  await undefinedIfBusy(undefinedIfMissing(deletion, MISSING), ...BUSY);
  const look = () => undefinedIfMissing(client.send(new DescribeApplicationCommand({ ApplicationName })), MISSING);
  const left = await pollUntil(look, (seen) => seen?.ApplicationDetail?.ApplicationStatus !== 'DELETING', {
    within: DELETION_MS,
    what: `the deletion of application ${ApplicationName}`,
  });
  if (left) throw notYet(`application ${ApplicationName} is ${left.ApplicationDetail?.ApplicationStatus}, and not deleted yet`);
}
