import { DescribeLimitsCommand } from '@aws-sdk/client-kinesis';
import { DescribeAccountSubscriptionCommand, DescribeUserCommand, ListUsersCommand } from '@aws-sdk/client-quicksight';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { overBudget, perHour } from '../pipeline/cost.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Clients } from './aws.ts';
import { isNamed } from './errors.ts';

/** What was found of one thing that the account must have. `warning`: it could not be looked at, or may turn out a hindrance. */
export interface Check {
  name: string;
  state: 'ok' | 'warning' | 'refused';
  message: string;
}

/** Looks whether the account takes a pipeline, before anything is made. */
export function preflight({ sts, kinesis, quicksight }: Clients) {
  return {
    /** Every check, side by side; a look that is not permitted is a warning that names the permission. */
    'account.check': (pipeline: Pipeline): Promise<Check[]> =>
      Promise.all([
        checked('credentials', 'sts:GetCallerIdentity', () => credentials(pipeline)),
        checked('Kinesis shards', 'kinesis:DescribeLimits', () => shards(pipeline)),
        budget(pipeline),
        checked('QuickSight', 'quicksight:DescribeAccountSubscription', () => subscription(pipeline)),
        checked('QuickSight principal', 'quicksight:DescribeUser', () => principal(pipeline)),
      ]),
  };

  async function credentials({ account }: Pipeline): Promise<Verdict> {
    const { Account, Arn } = await sts.send(new GetCallerIdentityCommand({}));
    if (Account === account) return ok(`${Arn}`);
    return refused(
      `the worker's credentials are of account ${Account}, the pipeline is of ${account}; start the worker with credentials of ${account}`,
    );
  }

  /** Counts all that the pipeline wants, as if none of it were there: what it has already is part of the open shards too. */
  async function shards(pipeline: Pipeline): Promise<Verdict> {
    const { ShardLimit = 0, OpenShardCount = 0 } = await kinesis.send(new DescribeLimitsCommand({}));
    const wanted = pipeline.shards + 2;
    if (wanted > ShardLimit)
      return refused(
        `${wanted} shards are wanted, and the account may have ${ShardLimit} in ${pipeline.region}; ask AWS for more, or lower 'shards'`,
      );
    if (OpenShardCount + wanted > ShardLimit)
      return warning(`${OpenShardCount} of ${ShardLimit} shards are open in ${pipeline.region}; ${wanted} more may be too many`);
    return ok(`${OpenShardCount} of ${ShardLimit} shards are open`);
  }

  async function subscription({ account, region }: Pipeline): Promise<Verdict> {
    const subscribe = `subscribe account ${account} to QuickSight by hand (it is never done for you), then try again`;
    try {
      const { AccountInfo } = await quicksight.send(new DescribeAccountSubscriptionCommand({ AwsAccountId: account }));
      const status = AccountInfo?.AccountSubscriptionStatus ?? 'unknown';
      if (/UNSUBSCRIBED|NOT_SUBSCRIBED|UNSUBSCRIBE_/.test(status)) return refused(`the subscription is ${status}; ${subscribe}`);
      return ok(`${AccountInfo?.Edition ?? ''} edition, ${status}`);
    } catch (error) {
      if (isNamed(error, 'ResourceNotFoundException', 'PreconditionNotMetException'))
        return refused(`the account has no subscription; ${subscribe}`);
      const identity = identityRegion(error);
      if (identity) return ok(`identities live in ${identity}, assets in ${region}`);
      throw error;
    }
  }

  async function principal({ account, region, quicksightPrincipal }: Pipeline): Promise<Verdict> {
    const [, place, , kind, namespace, name] =
      /^arn:aws:quicksight:([^:]+):(\d+):(user|group)\/([^/]+)\/(.+)$/.exec(quicksightPrincipal ?? '') ?? [];
    if (name === undefined) return ok('none is named');
    try {
      await quicksight.send(new ListUsersCommand({ AwsAccountId: account, Namespace: 'default', MaxResults: 1 }));
      if (kind === 'user') await quicksight.send(new DescribeUserCommand({ AwsAccountId: account, Namespace: namespace, UserName: name }));
      return ok(`${kind} ${name}`);
    } catch (error) {
      const identity = identityRegion(error);
      if (identity === place) return ok(`${kind} ${name}, in the identity region ${identity}`);
      if (identity) return refused(`the identity region is ${identity}, not ${place}; name the ${kind} by its ARN there`);
      if (isNamed(error, 'ResourceNotFoundException'))
        return refused(`there is no ${kind} '${name}' in ${region}; correct quicksightPrincipal, or register the ${kind} in QuickSight`);
      throw error;
    }
  }
}

/** A pipeline that would pause itself at once is not begun. */
function budget(pipeline: Pipeline): Check {
  const running = { generating: true, studio: true, schedules: true };
  const over = overBudget(pipeline, 0, running);
  return { name: 'budget', ...(over ? refused(over) : ok(`$${perHour(pipeline, running).toFixed(2)} an hour`)) };
}

type Verdict = Omit<Check, 'name'>;

const ok = (message: string): Verdict => ({ state: 'ok', message });
const warning = (message: string): Verdict => ({ state: 'warning', message });
const refused = (message: string): Verdict => ({ state: 'refused', message });

/** QuickSight names its identity region only when it is asked elsewhere. */
const identityRegion = (error: unknown): string | undefined => /identity region is ([a-z0-9-]+)/.exec((error as Error).message)?.[1];

async function checked(name: string, action: string, look: () => Promise<Verdict>): Promise<Check> {
  try {
    return { name, ...(await look()) };
  } catch (error) {
    if (!isNamed(error, 'AccessDeniedException', 'AccessDenied', 'UnauthorizedOperation', 'NotAuthorizedException')) throw error;
    return { name, ...warning(`could not be looked at: the worker's credentials lack ${action} (${(error as Error).message})`) };
  }
}
