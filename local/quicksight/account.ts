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
import { type Aws, arn, awsError, type Operation } from '../aws.ts';
import { dashboardOf } from './dashboards.ts';

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
  return { Group: { Arn: arn(aws, 'quicksight', `group/default/${name}`), GroupName: name, PrincipalId: `group/${name}` } };
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
    Arn: arn(aws, 'quicksight', 'user/default/local'),
    UserName: 'local',
    Role: 'ADMIN',
    IdentityType: 'QUICKSIGHT',
    Active: true,
    PrincipalId: 'local',
  };
}
