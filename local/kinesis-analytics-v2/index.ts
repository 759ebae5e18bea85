import * as schemas from '@aws-sdk/client-kinesis-analytics-v2';
import type { Service } from '../aws.ts';
import { createApplication } from './create-application.ts';
import { deleteApplication } from './delete-application.ts';
import { describeApplication, describeApplicationOperation, listApplicationOperations, listApplications } from './describe-application.ts';
import { serveFlinkDashboard } from './flink-dashboard.ts';
import { addApplicationCloudWatchLoggingOption, deleteApplicationCloudWatchLoggingOption } from './logging-options.ts';
import { createApplicationPresignedUrl } from './presigned-url.ts';
import { resume, startApplication, stopApplication } from './run-application.ts';
import { haltAll } from './studio.ts';
import { listTagsForResource, tagResource, untagResource } from './tags.ts';
import { updateApplication } from './update-application.ts';
import { serveZeppelin } from './zeppelin.ts';

/** Managed Service for Apache Flink: Studio notebooks, each with a Flink cluster of its own. */
export const kinesisAnalyticsV2: Service = {
  name: 'kinesisanalytics',
  protocol: 'json',
  schemas,
  operations: {
    AddApplicationCloudWatchLoggingOption: addApplicationCloudWatchLoggingOption,
    CreateApplication: createApplication,
    CreateApplicationPresignedUrl: createApplicationPresignedUrl,
    DeleteApplication: deleteApplication,
    DeleteApplicationCloudWatchLoggingOption: deleteApplicationCloudWatchLoggingOption,
    DescribeApplication: describeApplication,
    DescribeApplicationOperation: describeApplicationOperation,
    ListApplicationOperations: listApplicationOperations,
    ListApplications: listApplications,
    ListTagsForResource: listTagsForResource,
    StartApplication: startApplication,
    StopApplication: stopApplication,
    TagResource: tagResource,
    UntagResource: untagResource,
    UpdateApplication: updateApplication,
  },
  start: (aws) => {
    serveZeppelin(aws);
    serveFlinkDashboard(aws);
    aws.onClose(() => haltAll(aws));
    resume(aws);
  },
};
