import { createHash } from 'node:crypto';
import type {
  CreateRoleRequest,
  CreateRoleResponse,
  DeleteRoleRequest,
  GetRoleRequest,
  GetRoleResponse,
  ListRolesRequest,
  ListRolesResponse,
  ListRoleTagsRequest,
  ListRoleTagsResponse,
  Role as RoleDetail,
  TagRoleRequest,
  UntagRoleRequest,
  UpdateAssumeRolePolicyRequest,
  UpdateRoleRequest,
  UpdateRoleResponse,
} from '@aws-sdk/client-iam';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { page } from './page.ts';
import { checkTrustPolicy, encodedDocument } from './policy-documents.ts';

/** What a role trusts and may do. */
export interface Documents {
  trustPolicy: string;
  policies: Record<string, string>;
}

/** A role as the catalog keeps it; its documents are plain JSON text. */
export interface Role {
  name: string;
  path: string;
  created: Date;
  /** When its documents were last changed, and what they were before: services see that until the change has spread. */
  changed?: Date;
  before?: Documents;
  description?: string;
  maxSessionDuration: number;
  trustPolicy: string;
  policies: Documents['policies'];
  attached?: string[];
  tags: Record<string, string>;
}

const MAX_TAGS = 50;
/** Roles that an account may have. */
export const ROLE_QUOTA = 1_000;

/** The catalog's roles. */
export const roles = (aws: Pick<Aws, 'journal'>) => aws.journal.table<Role>('iam.roles');

/** The ARN of a role. IAM is global: there is no region in it. */
export const roleArn = (aws: Pick<Aws, 'account'>, { path, name }: Pick<Role, 'path' | 'name'>): string =>
  `arn:aws:iam::${aws.account}:role${path}${name}`;

/** Finds a role by name, or throws NoSuchEntityException. */
export function roleNamed(aws: Aws, name = ''): Readonly<Role> {
  const role = roles(aws).get(name);
  if (!role) throw awsError('NoSuchEntityException', `The role with name ${name} cannot be found.`);
  return role;
}

/** Puts new documents; what services have seen until now counts for them until these have spread. */
export function change(aws: Aws, role: Readonly<Role>, documents: Documents): void {
  roles(aws).set(role.name, { ...role, ...documents, changed: new Date(aws.now()), before: spread(aws, role) });
}

/** The documents of a role as services see them now: undefined while the role itself has not spread. */
export function spread(aws: Aws, { name, created, changed, before, trustPolicy, policies }: Readonly<Role>): Documents | undefined {
  const takes = aws.takes('role spread', name);
  if (aws.now() - created.getTime() < takes) return undefined;
  if (changed && aws.now() - changed.getTime() < takes) return before ?? { trustPolicy, policies: {} };
  return { trustPolicy, policies };
}

export const createRole: Operation<CreateRoleRequest, CreateRoleResponse> = (input, aws) => {
  const {
    RoleName: name = '',
    AssumeRolePolicyDocument: trustPolicy = '',
    Path: path = '/',
    MaxSessionDuration: maxSessionDuration = 3600,
  } = input;
  if (!/^[\w+=,.@-]{1,64}$/.test(name))
    throw awsError(
      'ValidationError',
      'The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-',
    );
  if (!/^\/([!-~]+\/)?$/.test(path))
    throw awsError(
      'ValidationError',
      'The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.',
    );
  if (maxSessionDuration < 3600 || maxSessionDuration > 43_200)
    throw awsError(
      'ValidationError',
      `1 validation error detected: Value '${maxSessionDuration}' at 'maxSessionDuration' must be between 3600 and 43200`,
    );
  checkTrustPolicy(trustPolicy);
  if (roles(aws).has(name)) throw awsError('EntityAlreadyExistsException', `Role with name ${name} already exists.`);
  if (roles(aws).values().length >= ROLE_QUOTA)
    throw awsError('LimitExceededException', `Cannot exceed quota for RolesPerAccount: ${ROLE_QUOTA}`);
  const tags = tagged({}, input.Tags);
  const role = {
    name,
    path,
    created: new Date(aws.now()),
    description: input.Description,
    maxSessionDuration,
    trustPolicy,
    policies: {},
    tags,
  };
  roles(aws).set(name, role);
  return { Role: detail(aws, role) };
};

export const getRole: Operation<GetRoleRequest, GetRoleResponse> = ({ RoleName: name }, aws) => ({
  Role: detail(aws, roleNamed(aws, name)),
});

export const deleteRole: Operation<DeleteRoleRequest, void> = ({ RoleName: name }, aws) => {
  const role = roleNamed(aws, name);
  if ((role.attached ?? []).length > 0) throw awsError('DeleteConflictException', 'Cannot delete entity, must detach all policies first.');
  if (Object.keys(role.policies).length > 0) throw awsError('DeleteConflictException', 'Cannot delete entity, must delete policies first.');
  roles(aws).delete(role.name);
};

export const listRoles: Operation<ListRolesRequest, ListRolesResponse> = ({ PathPrefix: prefix = '/', ...input }, aws) => {
  const { items, ...paging } = page(
    roles(aws)
      .values()
      .filter(({ path }) => path.startsWith(prefix)),
    ({ name }) => name,
    input,
  );
  // ListRoles leaves out tags, as AWS does.
  return { Roles: items.map((role) => ({ ...detail(aws, role), Tags: undefined })), ...paging };
};

export const updateAssumeRolePolicy: Operation<UpdateAssumeRolePolicyRequest, void> = (
  { RoleName: name, PolicyDocument: trustPolicy = '' },
  aws,
) => {
  const role = roleNamed(aws, name);
  checkTrustPolicy(trustPolicy);
  change(aws, role, { trustPolicy, policies: role.policies });
};

export const updateRole: Operation<UpdateRoleRequest, UpdateRoleResponse> = (
  { RoleName: name, Description: description, MaxSessionDuration: longest },
  aws,
) => {
  const role = roleNamed(aws, name);
  roles(aws).set(role.name, {
    ...role,
    ...(description !== undefined && { description }),
    ...(longest !== undefined && { maxSessionDuration: longest }),
  });
  return {};
};

export const tagRole: Operation<TagRoleRequest, void> = ({ RoleName: name, Tags: tags }, aws) => {
  const role = roleNamed(aws, name);
  roles(aws).set(role.name, { ...role, tags: tagged(role.tags, tags) });
};

export const untagRole: Operation<UntagRoleRequest, void> = ({ RoleName: name, TagKeys: keys = [] }, aws) => {
  const role = roleNamed(aws, name);
  roles(aws).set(role.name, { ...role, tags: Object.fromEntries(Object.entries(role.tags).filter(([key]) => !keys.includes(key))) });
};

export const listRoleTags: Operation<ListRoleTagsRequest, ListRoleTagsResponse> = ({ RoleName: name, ...input }, aws) => {
  const { items, ...paging } = page(tagList(roleNamed(aws, name).tags), ({ Key }) => Key, input);
  return { Tags: items, ...paging };
};

function tagged(tags: Record<string, string>, more: TagRoleRequest['Tags'] = []): Record<string, string> {
  const all = { ...tags, ...Object.fromEntries((more ?? []).map(({ Key = '', Value = '' }) => [Key, Value])) };
  if (Object.keys(all).length > MAX_TAGS)
    throw awsError('LimitExceededException', `The number of tags has exceeded the maximum of ${MAX_TAGS}.`);
  return all;
}

const tagList = (tags: Record<string, string>) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

function detail(aws: Aws, role: Readonly<Role>): RoleDetail {
  return {
    RoleName: role.name,
    RoleId: `AROA${createHash('sha256').update(`${role.name}/${role.created.getTime()}`).digest('hex').slice(0, 17).toUpperCase()}`,
    Arn: roleArn(aws, role),
    Path: role.path,
    CreateDate: role.created,
    Description: role.description,
    MaxSessionDuration: role.maxSessionDuration,
    AssumeRolePolicyDocument: encodedDocument(role.trustPolicy),
    Tags: Object.keys(role.tags).length > 0 ? tagList(role.tags) : undefined,
  };
}
