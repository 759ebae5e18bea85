import {
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  PutRolePolicyCommand,
  type Role,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from '@aws-sdk/client-iam';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { awsNow } from '../clock.ts';
import { undefinedIfMissing } from '../errors.ts';
import { retryIfLost } from '../not-yet.ts';
import { pages } from '../pages.ts';
import type { Difference, Found, Resource } from '../resource.ts';
import { tagList, tagMap } from '../tags.ts';
import { permissionPolicy, ROLE_POLICY, type Service, trustPolicy } from './policies.ts';
import { samePolicy } from './same-policy.ts';

interface FoundRole extends Found, Role {
  /** Inline policies by name, as JSON like the trust policy; and the ARNs of the managed ones attached. */
  inline: Record<string, string>;
  attached: string[];
}

/** When its trust or permissions were last put, by AWS's clock: IAM tells only of a role's own creation. */
export const CHANGED_TAG = 'data2dashboard:changed';
const MISSING = 'NoSuchEntityException';

/** The role in which one service acts for the pipeline. */
export function role({ iam }: Clients, service: Service): Resource<FoundRole> {
  const roleName = (pipeline: Pipeline) => names(pipeline).roles[service];
  const trust = (pipeline: Pipeline) => trustPolicy(service, pipeline, names(pipeline));
  const permissions = (pipeline: Pipeline) => permissionPolicy(service, pipeline, names(pipeline));
  const description = (pipeline: Pipeline) => `What ${service} may do for data2dashboard pipeline ${pipeline.name}`;
  const permit = async (pipeline: Pipeline): Promise<void> => {
    const RoleName = roleName(pipeline);
    const PolicyDocument = JSON.stringify(permissions(pipeline));
    await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: ROLE_POLICY, PolicyDocument }));
  };
  const tag = async (pipeline: Pipeline, tags: Record<string, string>): Promise<void> => {
    await iam.send(new TagRoleCommand({ RoleName: roleName(pipeline), Tags: tagList(tags) }));
  };
  return {
    label: (pipeline) => `IAM role ${roleName(pipeline)}`,
    arn: (pipeline) => names(pipeline).roleArns[service],
    find: (pipeline) => undefinedIfMissing(describe(roleName(pipeline)), MISSING),
    create: async (pipeline) => {
      const creation = iam.send(
        new CreateRoleCommand({
          RoleName: roleName(pipeline),
          Description: description(pipeline),
          AssumeRolePolicyDocument: JSON.stringify(trust(pipeline)),
          Tags: tagList(names(pipeline).tags),
        }),
      );
      await retryIfLost(creation, 'EntityAlreadyExistsException');
      await permit(pipeline);
    },
    differences: (pipeline, { Description, AssumeRolePolicyDocument: trusted, inline, attached }) => {
      const found: Difference[] = [];
      const differs = (field: string, is: unknown, wanted: unknown) => found.push({ field, is, wanted });
      if (Description !== description(pipeline)) differs('Description', Description, description(pipeline));
      if (!samePolicy(trusted, trust(pipeline))) differs(TRUST, readable(trusted), trust(pipeline));
      if (!samePolicy(inline[ROLE_POLICY], permissions(pipeline)))
        differs(`${INLINE}${ROLE_POLICY}`, readable(inline[ROLE_POLICY]), permissions(pipeline));
      // Whatever else the role carries would let its service do more than it needs.
      for (const name of Object.keys(inline).filter((each) => each !== ROLE_POLICY))
        differs(`${INLINE}${name}`, readable(inline[name]), undefined);
      for (const arn of attached) differs(`${ATTACHED}${arn}`, 'attached', undefined);
      return found;
    },
    change: async (pipeline, _found, found) => {
      const RoleName = roleName(pipeline);
      // Before the change: whoever is refused after it has to know that it is new.
      if (found.some(({ field }) => field !== 'Description')) await tag(pipeline, { [CHANGED_TAG]: new Date(awsNow(iam)).toISOString() });
      for (const { field } of found) {
        const PolicyName = field.slice(INLINE.length);
        if (field === 'Description') await iam.send(new UpdateRoleCommand({ RoleName, Description: description(pipeline) }));
        else if (field === TRUST)
          await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: JSON.stringify(trust(pipeline)) }));
        else if (field.startsWith(ATTACHED)) await detach(RoleName, field.slice(ATTACHED.length));
        else if (PolicyName === ROLE_POLICY) await permit(pipeline);
        else await retryIfLost(iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName })), MISSING);
      }
    },
    tag: (pipeline, _found, tags) => tag(pipeline, tags),
    untag: async (pipeline, _found, TagKeys) => {
      await iam.send(new UntagRoleCommand({ RoleName: roleName(pipeline), TagKeys }));
    },
    status: () => 'ready',
    remove: async (pipeline) => {
      await undefinedIfMissing(removeRole(roleName(pipeline)), MISSING);
    },
  };

  async function describe(RoleName: string): Promise<FoundRole> {
    const [{ Role: found }, policyNames, attached] = await Promise.all([
      iam.send(new GetRoleCommand({ RoleName })),
      inlineOf(RoleName),
      attachedTo(RoleName),
    ]);
    const documents = await Promise.all(
      policyNames.map(async (PolicyName) => {
        const policy = await undefinedIfMissing(iam.send(new GetRolePolicyCommand({ RoleName, PolicyName })), MISSING);
        return [PolicyName, decoded(policy?.PolicyDocument) ?? ''] as const;
      }),
    );
    const AssumeRolePolicyDocument = decoded(found?.AssumeRolePolicyDocument);
    return { ...found!, AssumeRolePolicyDocument, tags: tagMap(found?.Tags), inline: Object.fromEntries(documents), attached };
  }

  function inlineOf(RoleName: string): Promise<string[]> {
    return pages(
      (Marker) => iam.send(new ListRolePoliciesCommand({ RoleName, Marker })),
      ({ PolicyNames = [] }) => PolicyNames,
      ({ IsTruncated, Marker }) => (IsTruncated ? Marker : undefined),
    );
  }

  function attachedTo(RoleName: string): Promise<string[]> {
    return pages(
      (Marker) => iam.send(new ListAttachedRolePoliciesCommand({ RoleName, Marker })),
      ({ AttachedPolicies = [] }) => AttachedPolicies.map(({ PolicyArn = '' }) => PolicyArn),
      ({ IsTruncated, Marker }) => (IsTruncated ? Marker : undefined),
    );
  }

  async function detach(RoleName: string, PolicyArn: string): Promise<void> {
    await retryIfLost(iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn })), MISSING);
  }

  async function removeRole(RoleName: string): Promise<void> {
    for (const arn of await attachedTo(RoleName)) await detach(RoleName, arn);
    for (const PolicyName of await inlineOf(RoleName)) await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName }));
    await iam.send(new DeleteRoleCommand({ RoleName }));
  }
}

const TRUST = 'AssumeRolePolicyDocument';
const INLINE = 'inline policy ';
const ATTACHED = 'managed policy ';

/** IAM gives policies back URL-encoded. */
const decoded = (policy: string | undefined): string | undefined => policy && decodeURIComponent(policy);

const readable = (policy: string | undefined): unknown => policy && JSON.parse(policy);
