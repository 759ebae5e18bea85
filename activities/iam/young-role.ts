import { GetRoleCommand } from '@aws-sdk/client-iam';
import { names } from '../../pipeline/names.ts';
import { speedOf } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { awsNow } from '../clock.ts';
import { undefinedIfMissing } from '../errors.ts';
import type { YoungRole } from '../resource.ts';
import { tagMap } from '../tags.ts';
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
