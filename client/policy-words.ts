import { permissionPolicy, ROLE_POLICY, type Service, trustPolicy } from '../activities/iam/policies.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';

/** The services that act for a pipeline. */
export const servicesOf = (pipeline: Pipeline): Service[] => Object.keys(names(pipeline).roles) as Service[];

/** The policies of a role as they would be put. */
export const policiesOf = (service: Service, pipeline: Pipeline) => ({
  trust: trustPolicy(service, pipeline, names(pipeline)),
  permissions: permissionPolicy(service, pipeline, names(pipeline)),
});

/** The same for people, in full: a line for each statement. */
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
