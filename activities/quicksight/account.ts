import {
  DescribeAccountSubscriptionCommand,
  DescribeGroupCommand,
  DescribeUserCommand,
  ListUsersCommand,
  type QuickSightClient,
} from '@aws-sdk/client-quicksight';
import type { Pipeline } from '../../pipeline/spec.ts';
import { isNamed } from '../errors.ts';
import { ok, refused, type Verdict } from '../verdict.ts';

/** Whether the account is subscribed to QuickSight, in an edition that has what we need of its API. It is never subscribed, and never changed. */
export async function edition(quicksight: QuickSightClient, { account, region }: Pipeline): Promise<Verdict> {
  const subscribe = `subscribe account ${account} to QuickSight by hand (it is never done for you), then try again`;
  try {
    const { AccountInfo } = await quicksight.send(new DescribeAccountSubscriptionCommand({ AwsAccountId: account }));
    const { AccountSubscriptionStatus: status = 'unknown', Edition } = AccountInfo ?? {};
    if (/UNSUBSCRIBED|NOT_SUBSCRIBED|UNSUBSCRIBE_/.test(status)) return refused(`the subscription is ${status}; ${subscribe}`);
    if (Edition === 'STANDARD')
      return refused('edition STANDARD takes no dashboards, analyses and groups by API; upgrade it to ENTERPRISE by hand, then try again');
    return ok(`${Edition ?? 'unknown'} edition, ${status}`);
  } catch (error) {
    if (isNamed(error, 'ResourceNotFoundException', 'PreconditionNotMetException'))
      return refused(`the account has no subscription; ${subscribe}`);
    const identity = identityRegion(error);
    if (identity) return ok(`identities live in ${identity}, assets in ${region}`);
    throw error;
  }
}

/** Whether there is the user or group who is to own the assets. */
export async function principal(quicksight: QuickSightClient, { account, region, quicksightPrincipal }: Pipeline): Promise<Verdict> {
  const [, place, , kind, Namespace, name] =
    /^arn:aws:quicksight:([^:]+):(\d+):(user|group)\/([^/]+)\/(.+)$/.exec(quicksightPrincipal ?? '') ?? [];
  if (name === undefined) return ok('none is named');
  const where = { AwsAccountId: account, Namespace };
  try {
    await quicksight.send(new ListUsersCommand({ AwsAccountId: account, Namespace: 'default', MaxResults: 1 }));
    if (kind === 'user') await quicksight.send(new DescribeUserCommand({ ...where, UserName: name }));
    else await quicksight.send(new DescribeGroupCommand({ ...where, GroupName: name }));
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

/** QuickSight names its identity region only when it is asked elsewhere. */
const identityRegion = (error: unknown): string | undefined => /identity region is ([a-z0-9-]+)/.exec((error as Error).message)?.[1];
