import { GetRoleCommand } from '@aws-sdk/client-iam';
import { names } from '../../pipeline/names.ts';
import { type Pipeline, speedOf } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { awsNow } from '../clock.ts';
import { undefinedIfMissing } from '../errors.ts';
import type { YoungRole } from '../resource.ts';
import { tagMap } from '../tags.ts';
import type { Service } from './policies.ts';
import { deniedAdvice, roleAdvice, type Said } from './refusal.ts';
import { CHANGED_TAG } from './role.ts';

/** How long after a role or its policy was made a refusal may only mean that it has not spread yet. */
const SPREADS_WITHIN_MS = 240_000;

/** Tells which roles are young, by AWS's own clock. */
export const youngRole =
  ({ iam }: Clients): YoungRole =>
  async (pipeline, service) => {
    const RoleName = names(pipeline).roles[service];
    const answer = await undefinedIfMissing(iam.send(new GetRoleCommand({ RoleName })), 'NoSuchEntityException');
    const created = answer?.Role?.CreateDate?.getTime() ?? 0;
    const changed = Date.parse(tagMap(answer?.Role?.Tags)[CHANGED_TAG] ?? '') || 0;
    return awsNow(iam) - Math.max(created, changed) < SPREADS_WITHIN_MS / speedOf(pipeline) ? RoleName : undefined;
  };

/** That a role is new, of a failure after which all is tried again; in brackets, to stand behind AWS's words. */
export const youngAdvice = (role: string): string => `(role ${role} is new and may not have spread yet, so it is tried again)`;

/** The same as `roleAdvice` of a failure after which all is tried again: while the role is young that is said, and no policy is named but the caller's. */
export async function adviceByAge(clients: Clients, said: Said, pipeline: Pipeline, service: Service): Promise<string | undefined> {
  const denied = deniedAdvice(said, pipeline);
  if (denied !== undefined) return denied;
  const role = await youngRole(clients)(pipeline, service);
  return role === undefined ? roleAdvice(said, pipeline, service) : youngAdvice(role);
}
