import {
  type ApplicationDetail,
  type ApplicationStatus,
  type KinesisAnalyticsV2Client,
  StopApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { elapsed } from '../elapsed.ts';
import { undefinedIfBusy, undefinedIfMissing } from '../errors.ts';

/** What AWS says of an application that is not there. */
export const MISSING = 'ResourceNotFoundException';
/** What it says of one that is on its way from one state to another, or was changed since it was looked at. */
export const BUSY = ['ResourceInUseException', 'ConcurrentModificationException'];
/** A stop that somebody else began without force is left to itself this long, in milliseconds of AWS's time; longer, it is stuck. */
const PATIENCE_MS = 60_000;

/** True for an application that can be started, changed or deleted at once. */
export const isStopped = ({ ApplicationStatus }: ApplicationDetail): boolean =>
  ApplicationStatus === 'READY' || ApplicationStatus === 'ROLLED_BACK';

/**
 * Pushes an application towards its stop. Without force only what runs can be stopped; the state that a job would keep is not needed, since its windows come out
 * anew. One that is stopping already is forced once that takes too long.
 */
export async function pushToStop(
  client: KinesisAnalyticsV2Client,
  pipeline: Pipeline,
  status: ApplicationStatus | undefined,
): Promise<void> {
  if (status === 'FORCE_STOPPING' || (status === 'STOPPING' && elapsed(pipeline) < PATIENCE_MS)) return;
  const stop = client.send(new StopApplicationCommand({ ApplicationName: names(pipeline).application, Force: true }));
  await undefinedIfBusy(undefinedIfMissing(stop, MISSING), ...BUSY);
}
