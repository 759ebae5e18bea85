import type { GetAccountSummaryResponse } from '@aws-sdk/client-iam';
import type { Operation } from '../aws.ts';
import { ROLE_QUOTA, roles } from './roles.ts';

/** Of what there is here. */
export const getAccountSummary: Operation<object, GetAccountSummaryResponse> = (_input, aws) => ({
  SummaryMap: { Roles: roles(aws).values().length, RolesQuota: ROLE_QUOTA },
});
