import {
  DescribeAccountSubscriptionCommand,
  DescribeGroupCommand,
  DescribeUserCommand,
  ListUsersCommand,
  type QuickSightClient,
} from '@aws-sdk/client-quicksight';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { isNamed, isRefused } from '../errors.ts';
import { ok, refused, type Verdict, warning } from '../verdict.ts';

/** A question about the account's identities, put to QuickSight in `place`. */
type Question = (quicksight: QuickSightClient, place: string, pipeline: Pipeline) => Promise<Verdict>;

/** Looks at the account's QuickSight, which has its users, groups and subscription in one region. `elsewhere` makes a client of another region than the pipeline's. */
export function quicksightAccount({ quicksight }: Pick<Clients, 'quicksight'>, elsewhere: (region: string) => QuickSightClient) {
  return {
    /** Whether the account is subscribed, in an edition that has what we need of its API. It is never subscribed, and never changed. */
    edition: (pipeline: Pipeline) => asked(edition, pipeline),
    /** Whether there is the user or group who is to own the assets. */
    principal: (pipeline: Pipeline) => asked(principal, pipeline),
  };

  /** Asks in the pipeline's region first: QuickSight names its identity region only when it is asked in another. */
  async function asked(question: Question, pipeline: Pipeline): Promise<Verdict> {
    try {
      return await question(quicksight, pipeline.region, pipeline);
    } catch (error) {
      const place = /identity region is ([a-z0-9-]+)/.exec((error as Error).message)?.[1];
      if (place === undefined) throw error;
      const there = elsewhere(place);
      try {
        return await question(there, place, pipeline);
      } catch (denied) {
        if (!isRefused(denied)) throw denied;
        return warning(`identities are in ${place}, which could not be looked at: ${(denied as Error).message}`);
      } finally {
        there.destroy();
      }
    }
  }
}

const edition: Question = async (quicksight, place, { account, region }) => {
  const subscribe = `subscribe account ${account} to QuickSight by hand (it is never done for you), then try again`;
  try {
    const { AccountInfo } = await quicksight.send(new DescribeAccountSubscriptionCommand({ AwsAccountId: account }));
    const { AccountSubscriptionStatus: status = 'unknown', Edition } = AccountInfo ?? {};
    if (/UNSUBSCRIBED|NOT_SUBSCRIBED|UNSUBSCRIBE_/.test(status)) return refused(`the subscription is ${status}; ${subscribe}`);
    if (Edition === 'STANDARD')
      return refused('edition STANDARD takes no dashboards, analyses and groups by API; upgrade it to ENTERPRISE by hand, then try again');
    const is = `${Edition ?? 'unknown'} edition, ${status}, identities in ${place}`;
    return place === region ? ok(is) : { ...ok(`${is}, assets in ${region}`), telling: true };
  } catch (error) {
    if (isNamed(error, 'ResourceNotFoundException', 'PreconditionNotMetException'))
      return refused(`the account has no subscription; ${subscribe}`);
    throw error;
  }
};

const principal: Question = async (quicksight, place, { account, quicksightPrincipal }) => {
  const [, region, , kind, Namespace, name] =
    /^arn:aws:quicksight:([^:]+):(\d+):(user|group)\/([^/]+)\/(.+)$/.exec(quicksightPrincipal ?? '') ?? [];
  if (name === undefined) return ok('none is named');
  const where = { AwsAccountId: account, Namespace };
  try {
    await quicksight.send(new ListUsersCommand({ AwsAccountId: account, Namespace: 'default', MaxResults: 1 }));
    if (region !== place) return refused(`the identity region is ${place}, not ${region}; name the ${kind} by its ARN there`);
    if (kind === 'user') await quicksight.send(new DescribeUserCommand({ ...where, UserName: name }));
    else await quicksight.send(new DescribeGroupCommand({ ...where, GroupName: name }));
    return ok(`${kind} ${name}, in ${place}`);
  } catch (error) {
    if (isNamed(error, 'ResourceNotFoundException'))
      return refused(
        `there is no ${kind} '${name}' in ${place}, where the account has its users and groups; correct quicksightPrincipal, or register the ${kind} in QuickSight`,
      );
    throw error;
  }
};
