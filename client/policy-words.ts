import { permissionPolicy, ROLE_POLICY, type Service, trustPolicy } from '../activities/iam/policies.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';

/** The services that act for a pipeline. */
export const servicesOf = (pipeline: Pipeline): Service[] => Object.keys(names(pipeline).roles) as Service[];

/** The documents of a role's two policies, as `up` would put them: who may take the role (`trust`), and what it may do (`permissions`). */
export const policiesOf = (service: Service, pipeline: Pipeline) => ({
  trust: trustPolicy(service, pipeline, names(pipeline)),
  permissions: permissionPolicy(service, pipeline, names(pipeline)),
});

/** The two policies of a service's role in words: the role's name, then a line for each statement in full. */
export function policyWords(service: Service, pipeline: Pipeline): string[] {
  const { trust, permissions } = policiesOf(service, pipeline);
  const line = (statement: object) => `      ${JSON.stringify(statement, null, 1).replace(/\n\s*/g, ' ')}`;
  return [
    `  IAM role ${names(pipeline).roles[service]}`,
    '    may be taken by (trust policy):',
    ...trust.Statement.map(line),
    `    may (inline policy '${ROLE_POLICY}'):`,
    ...permissions.Statement.map(line),
  ];
}
