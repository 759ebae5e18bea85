import type {
  DescribeAccountSubscriptionRequest,
  DescribeAccountSubscriptionResponse,
  DescribeGroupRequest,
  DescribeGroupResponse,
  DescribeUserRequest,
  DescribeUserResponse,
  GenerateEmbedUrlForRegisteredUserRequest,
  GenerateEmbedUrlForRegisteredUserResponse,
  ListUsersRequest,
  ListUsersResponse,
  User,
} from '@aws-sdk/client-quicksight';
import { type Aws, arn, awsError, type Operation, type Service } from '../aws.ts';
import { dashboardOf } from './dashboards.ts';

/** What QuickSight answers in the account's identity region only. */
const OF_IDENTITIES = ['DescribeAccountSubscription', 'DescribeGroup', 'DescribeUser', 'ListUsers'];

export const checkIdentityRegion: NonNullable<Service['checkRegion']> = (operation, region, { identityRegion }) => {
  if (region === identityRegion || !OF_IDENTITIES.includes(operation)) return;
  throw awsError(
    'AccessDeniedException',
    `Operation is being called from endpoint ${region}, but your identity region is ${identityRegion}. Please use the ${identityRegion} endpoint.`,
  );
};

/** The local account is subscribed from the start. */
export const describeAccountSubscription: Operation<DescribeAccountSubscriptionRequest, DescribeAccountSubscriptionResponse> = () => ({
  AccountInfo: {
    AccountName: 'local',
    Edition: 'ENTERPRISE',
    AuthenticationType: 'IAM_AND_QUICKSIGHT',
    AccountSubscriptionStatus: 'ACCOUNT_CREATED',
  },
});

export const listUsers: Operation<ListUsersRequest, ListUsersResponse> = ({ Namespace: namespace }, aws) => ({
  UserList: [userOf(aws, namespace)],
});

export const describeUser: Operation<DescribeUserRequest, DescribeUserResponse> = ({ Namespace: namespace, UserName: name = '' }, aws) => {
  const user = userOf(aws, namespace);
  if (name !== user.UserName) throw awsError('ResourceNotFoundException', `User ${name} does not exist.`, { ResourceType: 'USER' });
  return { User: user };
};

/** The account has one group, of the name of its one user. */
export const describeGroup: Operation<DescribeGroupRequest, DescribeGroupResponse> = ({ Namespace: namespace, GroupName: name }, aws) => {
  const { UserName: known } = userOf(aws, namespace);
  if (name !== known) throw awsError('ResourceNotFoundException', `Group ${name} does not exist.`, { ResourceType: 'GROUP' });
  return { Group: { Arn: identityArn(aws, `group/default/${name}`), GroupName: name, PrincipalId: `group/${name}` } };
};

/** A link to the dashboard's page, good for as long as the session that it opens. */
export const generateEmbedUrlForRegisteredUser: Operation<
  GenerateEmbedUrlForRegisteredUserRequest,
  Pick<GenerateEmbedUrlForRegisteredUserResponse, 'EmbedUrl'>
> = (input, aws) => {
  const { UserArn: user = '', SessionLifetimeInMinutes: minutes = 600, ExperienceConfiguration: experience = {} } = input;
  if (user !== userOf(aws, 'default').Arn) throw awsError('QuickSightUserNotFoundException', `User ${user} is not found.`);
  if (minutes < 15 || minutes > 600)
    throw awsError('InvalidParameterValueException', `SessionLifetimeInMinutes ${minutes} must be between 15 and 600.`);
  const id = experience.Dashboard?.InitialDashboardId;
  if (id === undefined)
    throw awsError('InvalidParameterValueException', 'The local AWS embeds dashboards: give ExperienceConfiguration.Dashboard.');
  const dashboard = dashboardOf(aws, id);
  return { EmbedUrl: `${aws.endpoint}${aws.pages.issue('quicksight', `/dashboards/${dashboard.id}`, user, minutes * 60)}` };
};

/** The account's one user, who owns everything. */
function userOf(aws: Aws, namespace: string | undefined): User {
  if (namespace !== 'default')
    throw awsError('ResourceNotFoundException', `Namespace ${namespace} does not exist.`, { ResourceType: 'NAMESPACE' });
  return {
    Arn: identityArn(aws, 'user/default/local'),
    UserName: 'local',
    Role: 'ADMIN',
    IdentityType: 'QUICKSIGHT',
    Active: true,
    PrincipalId: 'local',
  };
}

const identityArn = ({ account, identityRegion: region }: Aws, resource: string): string =>
  arn({ account, region }, 'quicksight', resource);
