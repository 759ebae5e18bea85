import { DescribeUserCommand } from '@aws-sdk/client-quicksight';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Clients, clients, quicksightIn } from '../activities/aws.ts';
import { preflight } from '../activities/preflight.ts';
import type { Local } from '../local/start.ts';
import { localAws } from './local-aws.ts';
import { ACCOUNT, pipelineOf, principal } from './looked.ts';

const resolve = async () => undefined;

describe('an account whose users and groups are in another region', () => {
  let elsewhere: Local;
  let there: Clients;
  const looked = async (quicksightPrincipal: string, name = 'QuickSight principal') => {
    const all = await preflight(there, quicksightIn(elsewhere), resolve)['account.check'](pipelineOf({ quicksightPrincipal }));
    return all.find((each) => each.name === name)!;
  };

  beforeAll(async () => {
    elsewhere = await localAws({ identityRegion: 'eu-west-1' });
    there = clients(elsewhere);
  });
  afterAll(async () => {
    for (const client of Object.values(there)) client.destroy();
    await elsewhere.close();
  });

  it.each(['user', 'group'] as const)('a %s is looked for there, though QuickSight refuses to answer here', async (kind) => {
    await expect(
      there.quicksight.send(new DescribeUserCommand({ AwsAccountId: ACCOUNT, Namespace: 'default', UserName: 'local' })),
    ).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message:
        'Operation is being called from endpoint us-east-1, but your identity region is eu-west-1. Please use the eu-west-1 endpoint.',
    });
    expect(await looked(principal(kind, 'local', 'eu-west-1'))).toMatchObject({ state: 'ok', message: `${kind} local, in eu-west-1` });
  });

  it('one that is not there is refused, with the region that was looked in', async () => {
    expect(await looked(principal('user', 'nobody', 'eu-west-1'))).toMatchObject({
      state: 'refused',
      message:
        "there is no user 'nobody' in eu-west-1, where the account has its users and groups; correct quicksightPrincipal, or register the user in QuickSight",
    });
    expect(await looked(principal('group', 'nobody', 'eu-west-1'))).toMatchObject({ state: 'refused' });
  });

  it('one that is named by an ARN of a region where none can be is refused', async () => {
    expect(await looked(principal('user', 'local', 'us-east-1'))).toMatchObject({
      state: 'refused',
      message: 'the identity region is eu-west-1, not us-east-1; name the user by its ARN there',
    });
  });

  it('a region in which one may not look is a warning, as all assets can be made', async () => {
    const denied = (region: string) => {
      const client = quicksightIn(elsewhere)(region);
      client.middlewareStack.add(
        () => () => Promise.reject(Object.assign(new Error('with an explicit deny'), { name: 'AccessDeniedException' })),
        { step: 'finalizeRequest' },
      );
      return client;
    };
    const of = pipelineOf({ quicksightPrincipal: principal('user', 'local', 'eu-west-1') });
    const all = await preflight(there, denied, resolve)['account.check'](of);
    const told = all.filter(({ name }) => name.startsWith('QuickSight')).map(({ state, message }) => `${state}: ${message}`);
    const words = 'warning: identities are in eu-west-1, which could not be looked at: with an explicit deny';
    expect(told).toEqual([words, words]);
  });

  it('the subscription is looked at there, which the plan tells', async () => {
    const check = await looked(principal('user', 'local', 'eu-west-1'), 'QuickSight');
    expect(check).toMatchObject({
      state: 'ok',
      message: 'ENTERPRISE edition, ACCOUNT_CREATED, identities in eu-west-1, assets in us-east-1',
    });
    const asked = elsewhere.calls.all().filter(({ operation, outcome }) => operation === 'DescribeAccountSubscription' && outcome === 'ok');
    expect(asked.length).toBeGreaterThan(0);
  });
});
