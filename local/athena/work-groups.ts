import type {
  CreateWorkGroupInput,
  DeleteWorkGroupInput,
  GetWorkGroupInput,
  GetWorkGroupOutput,
  ListWorkGroupsInput,
  ListWorkGroupsOutput,
  ResultConfiguration,
  ResultConfigurationUpdates,
  UpdateWorkGroupInput,
  WorkGroup,
  WorkGroupConfiguration,
  WorkGroupConfigurationUpdates,
} from '@aws-sdk/client-athena';
import { type Aws, arn, awsError, type Operation } from '../aws.ts';
import { pageOf } from '../glue/page.ts';
import { executions } from './executions.ts';
import { namedQueries } from './named-queries.ts';
import { tags } from './tags.ts';

const ENGINE = { SelectedEngineVersion: 'AUTO', EffectiveEngineVersion: 'Athena engine version 3' };
const LEAST_CUTOFF = 10_000_000;

const DEFAULTS: WorkGroupConfiguration = {
  ResultConfiguration: {},
  EnforceWorkGroupConfiguration: true,
  PublishCloudWatchMetricsEnabled: true,
  RequesterPaysEnabled: false,
  EngineVersion: ENGINE,
};

/** The work groups, by name. */
export const workGroups = (aws: Aws) => aws.journal.table<WorkGroup & { Name: string }>('athena.workGroups');

/** The ARN of a work group. */
export const workGroupArn = (aws: Aws, name: string): string => arn(aws, 'athena', `workgroup/${name}`);

/** Every account has a work group `primary` from its start. */
export function ensurePrimary(aws: Aws): void {
  if (workGroups(aws).has('primary')) return;
  workGroups(aws).set('primary', {
    Name: 'primary',
    State: 'ENABLED',
    Configuration: { ...DEFAULTS, EnforceWorkGroupConfiguration: false },
    CreationTime: new Date(aws.now()),
  });
}

/** The work group, or InvalidRequestException. */
export function workGroupOf(aws: Aws, name = 'primary'): Readonly<WorkGroup & { Name: string }> {
  const group = workGroups(aws).get(name);
  if (!group) throw awsError('InvalidRequestException', `WorkGroup ${name} is not found.`);
  return group;
}

export const createWorkGroup: Operation<CreateWorkGroupInput, void> = (
  { Name: name = '', Description: description, Configuration: configuration = {}, Tags: given = [] },
  aws,
) => {
  if (!/^[a-zA-Z0-9._-]{1,128}$/.test(name)) throw awsError('InvalidRequestException', `Invalid WorkGroup name: '${name}'`);
  if (workGroups(aws).has(name)) throw awsError('InvalidRequestException', 'WorkGroup is already created');
  checkConfiguration(configuration);
  const whole = { ...DEFAULTS, ...defined(configuration), EngineVersion: ENGINE };
  workGroups(aws).set(name, {
    Name: name,
    Description: description,
    State: 'ENABLED',
    Configuration: whole,
    CreationTime: new Date(aws.now()),
  });
  if (given.length > 0)
    tags(aws).set(workGroupArn(aws, name), Object.fromEntries(given.map(({ Key: key = '', Value: value = '' }) => [key, value])));
};

export const getWorkGroup: Operation<GetWorkGroupInput, GetWorkGroupOutput> = ({ WorkGroup: name }, aws) => ({
  WorkGroup: workGroupOf(aws, name),
});

export const listWorkGroups: Operation<ListWorkGroupsInput, ListWorkGroupsOutput> = ({ NextToken: token, MaxResults: size = 50 }, aws) => {
  const names = workGroups(aws).keys().sort();
  const { items, next } = pageOf(names, { token, size, error: 'InvalidRequestException' });
  const groups = items.map((name) => workGroupOf(aws, name));
  return {
    WorkGroups: groups.map(({ Name, State, Description, CreationTime }) => ({
      Name,
      State,
      Description,
      CreationTime,
      EngineVersion: ENGINE,
    })),
    NextToken: next,
  };
};

export const updateWorkGroup: Operation<UpdateWorkGroupInput, void> = (
  { WorkGroup: name, Description: description, State: state, ConfigurationUpdates: updates },
  aws,
) => {
  const before = workGroupOf(aws, name);
  const configuration = updates ? updated(before.Configuration ?? {}, updates) : before.Configuration;
  checkConfiguration(configuration ?? {});
  workGroups(aws).set(before.Name, {
    ...before,
    Description: description ?? before.Description,
    State: state ?? before.State,
    Configuration: configuration,
  });
};

export const deleteWorkGroup: Operation<DeleteWorkGroupInput, void> = (
  { WorkGroup: name = '', RecursiveDeleteOption: isRecursive },
  aws,
) => {
  if (name === 'primary') throw awsError('InvalidRequestException', 'The primary WorkGroup cannot be deleted');
  workGroupOf(aws, name);
  const queries = namedQueries(aws)
    .entries()
    .filter(([, { WorkGroup: group }]) => group === name);
  const history = executions(aws)
    .entries()
    .filter(([, { workGroup }]) => workGroup === name);
  if (!isRecursive && (queries.length > 0 || history.length > 0))
    throw awsError('InvalidRequestException', `WorkGroup ${name} is not empty`);
  for (const [id] of queries) namedQueries(aws).delete(id);
  for (const [id] of history) executions(aws).delete(id);
  workGroups(aws).delete(name);
  tags(aws).delete(workGroupArn(aws, name));
};

function updated(before: WorkGroupConfiguration, updates: WorkGroupConfigurationUpdates): WorkGroupConfiguration {
  const { ResultConfigurationUpdates: results, RemoveBytesScannedCutoffPerQuery: isUnlimited, ...rest } = updates;
  const next: WorkGroupConfiguration = { ...before, ...defined(rest), EngineVersion: ENGINE };
  if (isUnlimited) delete next.BytesScannedCutoffPerQuery;
  if (results) next.ResultConfiguration = updatedResults(before.ResultConfiguration ?? {}, results);
  return next;
}

function updatedResults(before: ResultConfiguration, updates: ResultConfigurationUpdates): ResultConfiguration {
  const { RemoveOutputLocation, RemoveEncryptionConfiguration, RemoveExpectedBucketOwner, RemoveAclConfiguration, ...rest } = updates;
  const next: ResultConfiguration = { ...before, ...defined(rest) };
  if (RemoveOutputLocation) delete next.OutputLocation;
  if (RemoveEncryptionConfiguration) delete next.EncryptionConfiguration;
  if (RemoveExpectedBucketOwner) delete next.ExpectedBucketOwner;
  if (RemoveAclConfiguration) delete next.AclConfiguration;
  return next;
}

function checkConfiguration({
  BytesScannedCutoffPerQuery: cutoff,
  ResultConfiguration: results,
  ManagedQueryResultsConfiguration: managed,
}: WorkGroupConfiguration): void {
  if (cutoff !== undefined && cutoff < LEAST_CUTOFF)
    throw awsError('InvalidRequestException', `BytesScannedCutoffPerQuery must be at least ${LEAST_CUTOFF}`);
  if (managed?.Enabled) throw awsError('InvalidRequestException', 'The local Athena keeps results in S3 only: give an OutputLocation.');
  const location = results?.OutputLocation;
  if (location !== undefined && !/^s3:\/\/[a-z0-9.-]{3,63}(\/.*)?$/.test(location))
    throw awsError('InvalidRequestException', `outputLocation is not a valid S3 path: ${location}`);
}

const defined = <Value extends object>(value: Value): Value =>
  Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Value;
