import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { Pipeline } from '../pipeline/spec.ts';
import { operationOf } from './calls.ts';
import { configOf, type Target } from './target.ts';

/** The account that the target's credentials belong to. */
export async function accountOf(target: Target): Promise<string> {
  const { Account } = await new STSClient(configOf(target)).send(new GetCallerIdentityCommand({}));
  return Account!;
}

/** What to do when AWS does not know the caller; with AWS's words, in one line. */
export const callerAdvice = ({ name, message }: Error, { region, account }: Pipeline): string =>
  `AWS in ${region} does not take the worker's credentials (${name}: ${message}); renew them, or enable the region for account ${account} if they are good elsewhere, and start the worker anew`;

/** What to do when the caller lacks a permission; `action` where AWS's words do not name it. */
export function permissionAdvice(error: Error, { region, account }: Pipeline, action = operationOf(error)): string {
  const named = /not authorized to perform:? ([a-z0-9-]+:[A-Za-z]+)/.exec(error.message)?.[1] ?? action ?? 'a permission';
  return `the worker's credentials lack ${named} in ${region} of account ${account} (${error.name}: ${error.message}); allow it to them, then try again`;
}
