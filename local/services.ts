import { athena } from './athena/index.ts';
import type { Service } from './aws.ts';
import { cloudWatchLogs } from './cloudwatch-logs/index.ts';
import { firehose } from './firehose/index.ts';
import { glue } from './glue/index.ts';
import { iam } from './iam/index.ts';
import { kinesis } from './kinesis/index.ts';
import { kinesisAnalyticsV2 } from './kinesis-analytics-v2/index.ts';
import { quicksight } from './quicksight/index.ts';
import { s3 } from './s3/index.ts';
import { sts } from './sts/index.ts';

/** Every service of the local AWS. A new one is a folder and a line here. */
export const services: Service[] = [athena, cloudWatchLogs, firehose, glue, iam, kinesis, kinesisAnalyticsV2, quicksight, s3, sts];
