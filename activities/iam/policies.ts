import { LAKE_TABLES, type Names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';

/** The four services that act for a pipeline, each in a role of its own. */
export type Service = keyof Names['roles'];

/** The name of the one inline policy that a role of ours carries. */
export const ROLE_POLICY = 'least-privilege';

/** An IAM policy document. */
export interface Policy {
  Version: '2012-10-17';
  Statement: Statement[];
}

interface Statement {
  Effect: 'Allow' | 'Deny';
  Action: string | string[];
  Resource?: string | string[];
  Principal?: '*' | { Service: string };
  Condition?: Record<string, Record<string, string | string[]>>;
}

const PRINCIPALS = { firehose: 'firehose', studio: 'kinesisanalytics', crawler: 'glue', quicksight: 'quicksight' } satisfies Record<
  Service,
  string
>;

/** Who may take the role: the service, and only for this account's resources of this pipeline, so that nobody else's can borrow it. */
export function trustPolicy(service: Service, { account }: Pipeline, all: Names): Policy {
  const sources: Partial<Record<Service, string[]>> = {
    firehose: LAKE_TABLES.map(all.deliveryArn),
    studio: [all.applicationArn],
    crawler: [all.crawlerArn],
    // QuickSight names no source.
  };
  const source = sources[service];
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: `${PRINCIPALS[service]}.amazonaws.com` },
        Action: 'sts:AssumeRole',
        Condition: { StringEquals: { 'aws:SourceAccount': account }, ...(source && { ArnLike: { 'aws:SourceArn': source } }) },
      },
    ],
  };
}

/** What the role may do: no more than its service needs for this pipeline. */
export const permissionPolicy = (service: Service, pipeline: Pipeline, all: Names): Policy => ({
  Version: '2012-10-17',
  Statement: PERMISSIONS[service](pipeline, all).map((statement) => ({ Effect: 'Allow', ...statement })),
});

type Permissions = (pipeline: Pipeline, all: Names) => Omit<Statement, 'Effect'>[];

const READ_STREAM = ['kinesis:DescribeStream', 'kinesis:GetShardIterator', 'kinesis:GetRecords', 'kinesis:ListShards'];
const READ_TABLES = ['glue:GetDatabase', 'glue:GetTable', 'glue:GetTables', 'glue:GetPartition', 'glue:GetPartitions'];
const WRITE_TABLES = ['glue:CreateTable', 'glue:UpdateTable', 'glue:DeleteTable'];

const firehose: Permissions = ({ region, account }, { bucketArn, streamArn, firehoseLogGroup }) => [
  { Action: ['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads'], Resource: bucketArn },
  { Action: ['s3:AbortMultipartUpload', 's3:GetObject', 's3:PutObject'], Resource: [`${bucketArn}/lake/*`, `${bucketArn}/errors/*`] },
  { Action: READ_STREAM, Resource: LAKE_TABLES.map(streamArn) },
  { Action: 'logs:PutLogEvents', Resource: `arn:aws:logs:${region}:${account}:log-group:${firehoseLogGroup}:log-stream:*` },
];

const studio: Permissions = ({ region, account }, { streamArn, flinkDatabase, studioLogGroup, studioLogStreamArn, applicationArn }) => {
  const glue = (resource: string) => `arn:aws:glue:${region}:${account}:${resource}`;
  const logGroup = (group: string) => `arn:aws:logs:${region}:${account}:log-group:${group}`;
  return [
    { Action: ['kinesis:DescribeStreamSummary', ...READ_STREAM], Resource: streamArn('events') },
    {
      Action: ['kinesis:DescribeStream', 'kinesis:DescribeStreamSummary', 'kinesis:ListShards', 'kinesis:PutRecord', 'kinesis:PutRecords'],
      Resource: LAKE_TABLES.filter((table) => table !== 'events').map(streamArn),
    },
    {
      Action: [...READ_TABLES, 'glue:GetUserDefinedFunction', ...WRITE_TABLES],
      Resource: [
        glue('catalog'),
        glue(`database/${flinkDatabase}`),
        glue(`table/${flinkDatabase}/*`),
        glue(`userDefinedFunction/${flinkDatabase}/*`),
      ],
    },
    // Flink's planner looks into these two whatever the query is, and fails if it may not.
    { Action: 'glue:GetDatabase', Resource: [glue('database/hive'), glue('database/default')] },
    { Action: 'glue:GetDatabases', Resource: '*' },
    { Action: 'logs:DescribeLogGroups', Resource: logGroup('*') },
    { Action: 'logs:DescribeLogStreams', Resource: logGroup(`${studioLogGroup}:*`) },
    { Action: 'logs:PutLogEvents', Resource: studioLogStreamArn },
    { Action: 'cloudwatch:PutMetricData', Resource: '*' },
    { Action: 'kinesisanalytics:DescribeApplication', Resource: applicationArn },
  ];
};

const crawler: Permissions = ({ region, account }, { bucketArn, lakeDatabase }) => {
  const glue = (resource: string) => `arn:aws:glue:${region}:${account}:${resource}`;
  return [
    { Action: 's3:GetObject', Resource: `${bucketArn}/lake/*` },
    { Action: ['s3:ListBucket', 's3:GetBucketLocation'], Resource: bucketArn },
    {
      Action: [
        ...READ_TABLES,
        ...WRITE_TABLES,
        'glue:BatchGetPartition',
        'glue:BatchCreatePartition',
        'glue:BatchDeletePartition',
        'glue:BatchUpdatePartition',
        'glue:CreatePartition',
        'glue:UpdatePartition',
      ],
      Resource: [glue('catalog'), glue(`database/${lakeDatabase}`), glue(`table/${lakeDatabase}/*`)],
    },
    {
      Action: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: `arn:aws:logs:${region}:${account}:log-group:/aws-glue/*`,
    },
  ];
};

const quicksight: Permissions = ({ region, account }, { bucketArn, workgroupArn, lakeDatabase, resultsPrefix }) => {
  const glue = (resource: string) => `arn:aws:glue:${region}:${account}:${resource}`;
  return [
    {
      Action: [
        'athena:StartQueryExecution',
        'athena:GetQueryExecution',
        'athena:GetQueryResults',
        'athena:GetQueryResultsStream',
        'athena:StopQueryExecution',
        'athena:BatchGetQueryExecution',
        'athena:GetWorkGroup',
        'athena:ListQueryExecutions',
      ],
      Resource: workgroupArn,
    },
    { Action: ['athena:ListDataCatalogs', 'athena:ListWorkGroups', 'athena:ListEngineVersions'], Resource: '*' },
    {
      Action: [
        'athena:GetDataCatalog',
        'athena:ListDatabases',
        'athena:GetDatabase',
        'athena:ListTableMetadata',
        'athena:GetTableMetadata',
      ],
      Resource: `arn:aws:athena:${region}:${account}:datacatalog/AwsDataCatalog`,
    },
    {
      Action: [...READ_TABLES, 'glue:GetDatabases', 'glue:BatchGetPartition'],
      Resource: [glue('catalog'), glue('database/default'), glue(`database/${lakeDatabase}`), glue(`table/${lakeDatabase}/*`)],
    },
    { Action: ['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads'], Resource: bucketArn },
    { Action: 's3:GetObject', Resource: `${bucketArn}/lake/*` },
    {
      Action: ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
      Resource: `${bucketArn}/${resultsPrefix}*`,
    },
  ];
};

const PERMISSIONS = { firehose, studio, crawler, quicksight } satisfies Record<Service, Permissions>;
