import { lookup } from 'node:dns/promises';
import type { QuickSightClient } from '@aws-sdk/client-quicksight';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { overBudget, perHour } from '../pipeline/cost.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Clients } from './aws.ts';
import { callerAdvice, permissionAdvice } from './caller.ts';
import { continuing } from './calls.ts';
import { isRefused, isUnknownCaller } from './errors.ts';
import { quicksightAccount } from './quicksight/account.ts';
import { quotas } from './quotas.ts';
import { ok, refused, type Verdict } from './verdict.ts';
import { windowLength } from './windows.ts';

/** What was found of one thing, and how often AWS was called for it. */
export interface Check extends Verdict {
  name: string;
  calls?: number;
}

/** Looks whether the account takes a pipeline, before anything is made. `elsewhere` makes a client of QuickSight in another region, `resolve` finds a host's address. */
export function preflight(
  clients: Clients,
  elsewhere: (region: string) => QuickSightClient,
  resolve: (host: string) => Promise<unknown> = (host) => lookup(host),
) {
  const { sts } = clients;
  const { edition, principal } = quicksightAccount(clients, elsewhere);
  const { shards, roles, deliveryStreams, applications, buckets, crawlers, workgroups } = quotas(clients);
  return {
    /** Every check. Where there is no such region, or AWS does not know the caller, it stops there: the rest would say the same in other words. */
    'account.check': async (pipeline: Pipeline): Promise<Check[]> => {
      const check = (name: string, look: () => Promise<Verdict>) => checked(name, pipeline, look);
      const first = [budget(pipeline), await check('region', () => region(pipeline))];
      if (isAnyRefused(first.slice(1))) return first;
      first.push(await check('credentials', () => credentials(pipeline)));
      if (isAnyRefused(first.slice(2))) return first;
      const rest = await Promise.all([
        check('Kinesis shards', () => shards(pipeline)),
        check('IAM roles', () => roles(pipeline)),
        check('Firehose', () => deliveryStreams(pipeline)),
        check('Managed Flink', () => applications(pipeline)),
        check('S3 buckets', () => buckets(pipeline)),
        check('Glue crawlers', () => crawlers(pipeline)),
        check('Athena workgroups', () => workgroups(pipeline)),
        check('QuickSight', () => edition(pipeline)),
        check('QuickSight principal', () => principal(pipeline)),
        check('windows', () => windowLength(clients, pipeline)),
      ]);
      return [...first, ...rest];
    },
  };

  /** AWS gives a service of a region a name of its own; what has none is not there. */
  async function region({ region: wanted, target }: Pipeline): Promise<Verdict> {
    if (target === 'local') return ok(`${wanted}, on this machine`);
    const looks = await Promise.allSettled(SERVICES.map((service) => resolve(`${service}.${wanted}.amazonaws.com`)));
    const missing = SERVICES.filter((_, i) => isUnresolved(looks[i]!));
    if (missing.length === SERVICES.length)
      return refused(`no service of AWS has a name in region ${wanted}: there is no such region, or this machine finds no names at all`);
    if (missing.length > 0) return refused(`region ${wanted} has no ${missing.join(', ')}; choose one that has`);
    return ok(`${wanted} has every service`);
  }

  async function credentials({ account }: Pipeline): Promise<Verdict> {
    const { Account, Arn } = await sts.send(new GetCallerIdentityCommand({}));
    if (Account === account) return ok(`${Arn}`);
    return refused(
      `the worker's credentials are of account ${Account}, the pipeline is of ${account}; start the worker with credentials of ${account}`,
    );
  }
}

/** As the names of their endpoints begin; IAM's is the same for all regions. */
const SERVICES = ['athena', 'firehose', 'glue', 'kinesis', 'kinesisanalytics', 'logs', 'quicksight', 's3', 'sts'];

const isUnresolved = (look: PromiseSettledResult<unknown>): boolean =>
  look.status === 'rejected' && ['ENOTFOUND', 'ENODATA'].includes((look.reason as NodeJS.ErrnoException).code ?? '');

const isAnyRefused = (checks: Check[]): boolean => checks.some(({ state }) => state === 'refused');

/** A pipeline that would pause itself at once is not begun. */
function budget(pipeline: Pipeline): Check {
  const running = { generating: true, studio: true, schedules: true, lakeDays: 0 };
  const over = overBudget(pipeline, 0, running);
  return { name: 'budget', calls: 0, ...(over ? refused(over) : ok(`$${perHour(pipeline, running).toFixed(2)} an hour`)) };
}

/** Looks, and says plainly what only the user can mend; anything else is for another attempt. */
async function checked(name: string, pipeline: Pipeline, look: () => Promise<Verdict>): Promise<Check> {
  const done = { calls: 0, mutatingCalls: 0 };
  try {
    const verdict = await continuing(done, look);
    return { name, ...verdict, calls: done.calls };
  } catch (error) {
    if (isUnknownCaller(error)) return { name, ...refused(callerAdvice(error as Error, pipeline)), calls: done.calls };
    if (isRefused(error)) return { name, ...refused(permissionAdvice(error as Error, pipeline)), calls: done.calls };
    throw error;
  }
}
