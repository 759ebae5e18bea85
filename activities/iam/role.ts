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
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { unlessMissing } from '../errors.ts';
import { type Found, type Resource, unlessLost } from '../resource.ts';
import { tagList, tagMap } from '../tags.ts';
import { permissionPolicy, type Service, trustPolicy } from './policies.ts';
import { samePolicy } from './same-policy.ts';

type FoundRole = Found & Role;

/** The name of the one inline policy that a role of ours carries. */
const POLICY = 'least-privilege';
const MISSING = 'NoSuchEntityException';

/** The role in which one service acts for the pipeline. */
export function role({ iam }: Clients, service: Service): Resource<FoundRole> {
  const roleName = (pipeline: Pipeline) => names(pipeline).roles[service];
  const trust = (pipeline: Pipeline) => trustPolicy(service, pipeline, names(pipeline));
  const permissions = (pipeline: Pipeline) => permissionPolicy(service, pipeline, names(pipeline));
  const permit = (pipeline: Pipeline) =>
    iam.send(
      new PutRolePolicyCommand({ RoleName: roleName(pipeline), PolicyName: POLICY, PolicyDocument: JSON.stringify(permissions(pipeline)) }),
    );
  return {
    label: (pipeline) => `IAM role ${roleName(pipeline)}`,
    find: async (pipeline) => {
      const answer = await unlessMissing(iam.send(new GetRoleCommand({ RoleName: roleName(pipeline) })), MISSING);
      return answer?.Role && { ...answer.Role, tags: tagMap(answer.Role.Tags) };
    },
    create: async (pipeline) => {
      const creation = iam.send(
        new CreateRoleCommand({
          RoleName: roleName(pipeline),
          Description: `What ${service} may do for data2dashboard pipeline ${pipeline.name}`,
          AssumeRolePolicyDocument: JSON.stringify(trust(pipeline)),
          Tags: tagList(names(pipeline).tags),
        }),
      );
      await unlessLost(creation, 'EntityAlreadyExistsException');
      await permit(pipeline);
    },
    update: async (pipeline, { AssumeRolePolicyDocument: reported }) => {
      const RoleName = roleName(pipeline);
      const changed: string[] = [];
      if (!samePolicy(reported, trust(pipeline))) {
        await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: JSON.stringify(trust(pipeline)) }));
        changed.push('trust');
      }
      const inline = await unlessMissing(iam.send(new GetRolePolicyCommand({ RoleName, PolicyName: POLICY })), MISSING);
      if (!samePolicy(inline?.PolicyDocument, permissions(pipeline))) {
        await permit(pipeline);
        changed.push('permissions');
      }
      return changed;
    },
    status: () => 'ready',
    remove: async (pipeline) => {
      await unlessMissing(removeRole(roleName(pipeline)), MISSING);
    },
  };

  async function removeRole(RoleName: string): Promise<void> {
    const { AttachedPolicies = [] } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
    for (const { PolicyArn } of AttachedPolicies) await iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn }));
    const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }));
    for (const PolicyName of PolicyNames) await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName }));
    await iam.send(new DeleteRoleCommand({ RoleName }));
  }
}
