import type {
  AttachRolePolicyRequest,
  DeleteRolePolicyRequest,
  DetachRolePolicyRequest,
  GetRolePolicyRequest,
  GetRolePolicyResponse,
  ListAttachedRolePoliciesRequest,
  ListAttachedRolePoliciesResponse,
  ListRolePoliciesRequest,
  ListRolePoliciesResponse,
  PutRolePolicyRequest,
} from '@aws-sdk/client-iam';
import { awsError, type Operation } from '../aws.ts';
import { page } from './page.ts';
import { checkRolePolicy, encodedDocument } from './policy-documents.ts';
import { change, type Role, roleNamed, roles } from './roles.ts';

/** Inline policies of one role together, white space not counted. */
const MAX_POLICY_CHARACTERS = 10_240;

export const putRolePolicy: Operation<PutRolePolicyRequest, void> = (input, aws) => {
  const { RoleName: name, PolicyName: policy = '', PolicyDocument: document = '' } = input;
  const role = roleNamed(aws, name);
  if (!/^[\w+=,.@-]{1,128}$/.test(policy))
    throw awsError(
      'ValidationError',
      'The specified value for policyName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-',
    );
  checkRolePolicy(document);
  const policies = { ...role.policies, [policy]: document };
  if (Object.values(policies).join('').replace(/\s/g, '').length > MAX_POLICY_CHARACTERS)
    throw awsError('LimitExceededException', `Maximum policy size of ${MAX_POLICY_CHARACTERS} bytes exceeded for role ${role.name}`);
  change(aws, role, { trustPolicy: role.trustPolicy, policies });
};

export const getRolePolicy: Operation<GetRolePolicyRequest, GetRolePolicyResponse> = ({ RoleName: name, PolicyName: policy = '' }, aws) => {
  const role = roleNamed(aws, name);
  return { RoleName: role.name, PolicyName: policy, PolicyDocument: encodedDocument(policyOf(role, policy)) };
};

export const deleteRolePolicy: Operation<DeleteRolePolicyRequest, void> = ({ RoleName: name, PolicyName: policy = '' }, aws) => {
  const role = roleNamed(aws, name);
  policyOf(role, policy);
  const policies = Object.fromEntries(Object.entries(role.policies).filter(([key]) => key !== policy));
  change(aws, role, { trustPolicy: role.trustPolicy, policies });
};

export const listRolePolicies: Operation<ListRolePoliciesRequest, ListRolePoliciesResponse> = ({ RoleName: name, ...input }, aws) => {
  const { items, ...paging } = page(Object.keys(roleNamed(aws, name).policies), (policy) => policy, input);
  return { PolicyNames: items, ...paging };
};

/** A managed policy is remembered by its ARN; what it would allow is not known here, so it allows nothing. */
export const attachRolePolicy: Operation<AttachRolePolicyRequest, void> = ({ RoleName: name, PolicyArn: policy = '' }, aws) => {
  const role = roleNamed(aws, name);
  if (!/^arn:aws:iam::(aws|\d{12}):policy\/.+$/.test(policy)) throw awsError('InvalidInputException', `ARN ${policy} is not valid.`);
  roles(aws).set(role.name, { ...role, attached: [...new Set([...(role.attached ?? []), policy])] });
};

export const detachRolePolicy: Operation<DetachRolePolicyRequest, void> = ({ RoleName: name, PolicyArn: policy = '' }, aws) => {
  const role = roleNamed(aws, name);
  if (!role.attached?.includes(policy)) throw awsError('NoSuchEntityException', `Policy ${policy} was not found.`);
  roles(aws).set(role.name, { ...role, attached: role.attached.filter((each) => each !== policy) });
};

export const listAttachedRolePolicies: Operation<ListAttachedRolePoliciesRequest, ListAttachedRolePoliciesResponse> = (
  { RoleName: name, ...input },
  aws,
) => {
  const { items, ...paging } = page(roleNamed(aws, name).attached ?? [], (policy) => policy, input);
  return { AttachedPolicies: items.map((PolicyArn) => ({ PolicyArn, PolicyName: PolicyArn.split('/').at(-1) })), ...paging };
};

function policyOf(role: Readonly<Role>, policy: string): string {
  const document = role.policies[policy];
  if (document === undefined) throw awsError('NoSuchEntityException', `The role policy with name ${policy} cannot be found.`);
  return document;
}
