import { type Aws, awsError } from '../aws.ts';
import { like, roleOf } from './assume.ts';
import { type Statement, statementsOf } from './policy-documents.ts';
import { spread } from './roles.ts';

/** Throws unless the role it was made for may do `action` (`s3:GetObject`) on the resource with this ARN. */
export type Permissions = (action: string, resource: string) => void;

/**
 * What a role's inline policies allow the service that acts for it. A refusal is thrown as `errorCode` in AWS's words, `session` naming
 * who acts (`AWS-Crawler`). A statement with a condition is left out, as none of its keys is known here.
 */
export function permissionsOf(aws: Aws, role: string, session: string, errorCode: string): Permissions {
  const found = roleOf(aws, role);
  const documents = found && spread(aws, found);
  const known = Object.values(documents?.policies ?? {}).flatMap(unconditional);
  return (action, resource) => {
    const matching = known.filter(
      ({ Action: actions, Resource: resources }) =>
        [actions ?? []].flat().some((pattern) => like(pattern.toLowerCase(), action.toLowerCase())) &&
        [resources ?? []].flat().some((pattern) => like(pattern, resource)),
    );
    const denied = matching.some(({ Effect: effect }) => effect === 'Deny');
    if (!denied && matching.some(({ Effect: effect }) => effect === 'Allow')) return;
    const who = `arn:aws:sts::${aws.account}:assumed-role/${role.split('/').at(-1)}/${session}`;
    const why = denied
      ? 'with an explicit deny in an identity-based policy'
      : `because no identity-based policy allows the ${action} action`;
    throw awsError(errorCode, `User: ${who} is not authorized to perform: ${action} on resource: ${resource} ${why}`);
  };
}

/** Policies are looked into for every record that is read, and seldom change. */
const parsed = new Map<string, Statement[]>();
const MOST_PARSED = 200;

function unconditional(document: string): Statement[] {
  const known = parsed.get(document);
  if (known) return known;
  if (parsed.size >= MOST_PARSED) parsed.clear();
  const statements = statementsOf(document).filter(({ Condition: condition = {} }) => Object.keys(condition).length === 0);
  parsed.set(document, statements);
  return statements;
}
