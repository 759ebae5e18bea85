import { awsError } from '../aws.ts';

/** One statement of a policy, as far as the local AWS looks into it. */
export interface Statement {
  Effect?: string;
  Principal?: string | Record<string, string | string[]>;
  Action?: string | string[];
  NotAction?: string | string[];
  Resource?: string | string[];
  NotResource?: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

const malformed = (message: string) => awsError('MalformedPolicyDocumentException', message);

/** The statements of a policy document, or MalformedPolicyDocumentException. */
export function statementsOf(document: string): Statement[] {
  let parsed: { Version?: unknown; Statement?: Statement | Statement[] };
  try {
    parsed = JSON.parse(document) as typeof parsed;
  } catch {
    throw malformed('This policy contains invalid Json');
  }
  if (typeof parsed !== 'object' || parsed === null) throw malformed('Syntax errors in policy.');
  if (parsed.Version !== undefined && parsed.Version !== '2012-10-17' && parsed.Version !== '2008-10-17')
    throw malformed('Syntax errors in policy.');
  const statements = [parsed.Statement ?? []].flat();
  if (statements.length === 0 || statements.some(({ Effect: effect }) => effect !== 'Allow' && effect !== 'Deny'))
    throw malformed('Syntax errors in policy.');
  return statements;
}

/** Refuses a trust policy without principals, with a resource, or with a service principal that is none. */
export function checkTrustPolicy(document: string): void {
  for (const { Principal: principal, Action: action, Resource: resource } of statementsOf(document)) {
    if (resource !== undefined) throw malformed('Has prohibited field Resource');
    if (principal === undefined) throw malformed('Missing required field Principal');
    if (![action ?? []].flat().some((name) => name === '*' || name.startsWith('sts:')))
      throw malformed('AssumeRole policy may only specify STS AssumeRole actions.');
    for (const service of typeof principal === 'string' ? [] : [principal.Service ?? []].flat())
      if (!/^[a-z0-9.-]+\.amazonaws\.com$/.test(service)) throw malformed(`Invalid principal in policy: "SERVICE":"${service}"`);
  }
}

/** Refuses a role policy that names a principal, or lacks actions or resources. */
export function checkRolePolicy(document: string): void {
  for (const { Principal, Action, NotAction, Resource, NotResource } of statementsOf(document)) {
    if (Principal !== undefined) throw malformed('Policy document should not specify a principal.');
    if ([Action ?? NotAction ?? []].flat().length === 0) throw malformed('Policy statement must contain actions.');
    if ([Resource ?? NotResource ?? []].flat().length === 0) throw malformed('Policy statement must contain resources.');
  }
}

/** A document as IAM answers it: percent-encoded by RFC 3986. */
export const encodedDocument = (document: string): string =>
  encodeURIComponent(document).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
