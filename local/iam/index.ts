import * as schemas from '@aws-sdk/client-iam';
import type { Service } from '../aws.ts';
import { getAccountSummary } from './account-summary.ts';
import * as policies from './role-policies.ts';
import * as roles from './roles.ts';

/** IAM: roles and their inline policies. */
export const iam: Service = {
  name: 'iam',
  protocol: 'query',
  schemas,
  operations: {
    AttachRolePolicy: policies.attachRolePolicy,
    CreateRole: roles.createRole,
    DeleteRole: roles.deleteRole,
    DeleteRolePolicy: policies.deleteRolePolicy,
    DetachRolePolicy: policies.detachRolePolicy,
    GetAccountSummary: getAccountSummary,
    GetRole: roles.getRole,
    GetRolePolicy: policies.getRolePolicy,
    ListAttachedRolePolicies: policies.listAttachedRolePolicies,
    ListRolePolicies: policies.listRolePolicies,
    ListRoles: roles.listRoles,
    ListRoleTags: roles.listRoleTags,
    PutRolePolicy: policies.putRolePolicy,
    TagRole: roles.tagRole,
    UntagRole: roles.untagRole,
    UpdateAssumeRolePolicy: roles.updateAssumeRolePolicy,
    UpdateRole: roles.updateRole,
  },
};
