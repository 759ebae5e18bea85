import { type Aws, type AwsError, awsError } from '../aws.ts';
import { fraction } from '../profile.ts';
import { type Statement, statementsOf } from './policy-documents.ts';
import { type Documents, type Role, roleArn, roles, spread } from './roles.ts';

/** The role with this ARN, undefined where there is none. */
export const roleOf = (aws: Aws, arn: string): Readonly<Role> | undefined => {
  const role = roles(aws).get(arn.split('/').at(-1) ?? '');
  return role && roleArn(aws, role) === arn ? role : undefined;
};

/**
 * Throws `errorCode` in the wording of `service` unless that service can assume the role: it exists, has had the profile's settling time
 * to spread, and its trust policy allows `sts:AssumeRole` to the service. Firehose calls it with 'firehose.amazonaws.com' and
 * 'InvalidArgumentException', the crawler with 'glue.amazonaws.com' and 'InvalidInputException', Studio with 'kinesisanalytics.amazonaws.com'
 * and 'InvalidArgumentException', QuickSight with 'quicksight.amazonaws.com' and 'AccessDeniedException'. `sourceArn` is the resource that
 * acts, for conditions on aws:SourceArn; without it these are not looked at.
 */
export function assertAssumable(aws: Aws, arn: string, service: string, errorCode: string, sourceArn?: string): void {
  const role = roleOf(aws, arn);
  const documents = role && spread(aws, role);
  if (documents && trusts(aws, documents, service, sourceArn)) return;
  if (aws.roleWording === 'unseen') throw unseen(arn, service);
  throw awsError(errorCode, (WORDING[service] ?? WORDING.other)!(arn));
}

const WORDING: Record<string, (arn: string) => string> = {
  'firehose.amazonaws.com': (arn) => `Firehose is unable to assume role ${arn}. Please check the role provided.`,
  'glue.amazonaws.com': (arn) => `Service is unable to assume provided role. Please verify the role's TrustPolicy: ${arn}`,
  'kinesisanalytics.amazonaws.com': (arn) => `Kinesis Analytics service doesn't have sufficient privileges to assume the role ${arn}`,
  'quicksight.amazonaws.com': () => 'Failed to assume your role. Verify the trust relationships of the role in the IAM console.',
  other: (arn) => `The service is not authorized to perform: sts:AssumeRole on resource: ${arn}`,
};

/** Refusals that nobody has reported yet, by name and by words: AWS finds new ones. Which one a role meets depends on its ARN. */
function unseen(arn: string, service: string): AwsError {
  const refusals: [string, string][] = [
    ['InvalidRequestException', 'The request could not be completed at this time.'],
    ['ValidationException', `Value '${arn}' failed to satisfy constraint: Member must be usable by ${service}`],
    ['InternalDependencyException', 'A dependency answered with status 403.'],
    ['UnauthorizedOperation', 'You cannot do this yet.'],
  ];
  const [name, message] = refusals[Math.floor(fraction(`${arn}/${service}`) * refusals.length)]!;
  return awsError(name, message);
}

function trusts(aws: Aws, role: Documents, service: string, sourceArn?: string): boolean {
  const matching = statementsOf(role.trustPolicy).filter(
    ({ Principal: principal, Action: action, Condition: condition = {} }) =>
      names(principal, service) &&
      [action ?? []].flat().some((name) => ['sts:AssumeRole', 'sts:*', '*'].includes(name)) &&
      holds(aws, condition, sourceArn),
  );
  return matching.some(({ Effect }) => Effect === 'Allow') && !matching.some(({ Effect }) => Effect === 'Deny');
}

const names = (principal: Statement['Principal'], service: string) =>
  principal === '*' || (typeof principal === 'object' && [principal.Service ?? []].flat().includes(service));

/** Looks at the two keys that a trust policy against confused deputies uses; any other condition does not hold. */
function holds(aws: Aws, condition: NonNullable<Statement['Condition']>, sourceArn?: string): boolean {
  return Object.entries(condition).every(([operator, keys]) =>
    Object.entries(keys).every(([key, wanted]) => {
      const isArn = key.toLowerCase() === 'aws:sourcearn';
      if (isArn && sourceArn === undefined) return true;
      const actual = isArn ? sourceArn! : key.toLowerCase() === 'aws:sourceaccount' ? aws.account : undefined;
      const compare = COMPARE[operator];
      return actual !== undefined && compare !== undefined && [wanted].flat().some((value) => compare(value, actual));
    }),
  );
}

const same = (wanted: string, actual: string) => wanted === actual;
const COMPARE: Record<string, (wanted: string, actual: string) => boolean> = {
  StringEquals: same,
  StringLike: like,
  ArnEquals: like,
  ArnLike: like,
};

/** Matches with `*` and `?` in time that grows with the lengths only, whatever the pattern. */
export function like(pattern: string, text: string): boolean {
  let [at, star, mark] = [0, -1, 0];
  for (let i = 0; i < text.length; ) {
    if (pattern[at] === '*') [star, mark, at] = [at, i, at + 1];
    else if (pattern[at] === '?' || pattern[at] === text[i]) [at, i] = [at + 1, i + 1];
    else if (star >= 0) [at, i] = [star + 1, ++mark];
    else return false;
  }
  return /^\**$/.test(pattern.slice(at));
}
