import type {
  ExtendedS3DestinationConfiguration,
  ExtendedS3DestinationDescription,
  ExtendedS3DestinationUpdate,
  Processor,
} from '@aws-sdk/client-firehose';
import { type Aws, awsError } from '../aws.ts';
import { assertAssumable } from '../iam/assume.ts';
import { buckets } from '../s3/buckets.ts';
import { checkPrefixes } from './prefix.ts';

const invalid = (message: string) => awsError('InvalidArgumentException', message);

/** A destination as it is described, every default filled in. The lists and sizes in it have been checked. */
export type Destination = ExtendedS3DestinationDescription;

/** Checks a destination's configuration, laid over what it was before, and fills in the defaults; throws what Firehose answers to a bad one. */
export function destinationOf(
  aws: Aws,
  given: Partial<ExtendedS3DestinationConfiguration> | ExtendedS3DestinationUpdate,
  deliveryStreamArn: string,
  before?: Readonly<Destination>,
): Destination {
  refuseWhatIsNotBuilt(given);
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as typeof given;
  const merged = { ...before, ...set };
  const { BucketARN: bucketArn = '', RoleARN: roleArn = '', Prefix: prefix, ErrorOutputPrefix: errorPrefix } = merged;
  checkPrefixes(prefix, errorPrefix);
  if (!/^(|\.[0-9a-z!\-_.*'()]{1,127})$/.test(merged.FileExtension ?? ''))
    throw invalid(`FileExtension is invalid: ${merged.FileExtension}`);
  delimiterOf(merged.ProcessingConfiguration?.Processors);
  const name = /^arn:aws:s3:::([^/]+)$/.exec(bucketArn)?.[1];
  if (!name || !buckets(aws).has(name))
    throw invalid(`Bucket ${bucketArn} does not exist. Verify that the bucket exists and that the IAM role has access to it.`);
  assertAssumable(aws, roleArn, 'firehose.amazonaws.com', 'InvalidArgumentException', deliveryStreamArn);
  return {
    RoleARN: roleArn,
    BucketARN: bucketArn,
    Prefix: prefix,
    ErrorOutputPrefix: errorPrefix,
    BufferingHints: bufferingHints(merged.BufferingHints),
    CompressionFormat: merged.CompressionFormat ?? 'UNCOMPRESSED',
    EncryptionConfiguration: merged.EncryptionConfiguration ?? { NoEncryptionConfig: 'NoEncryption' },
    CloudWatchLoggingOptions: merged.CloudWatchLoggingOptions ?? { Enabled: false },
    ProcessingConfiguration: merged.ProcessingConfiguration ?? { Enabled: false, Processors: [] },
    S3BackupMode: 'Disabled',
    DataFormatConversionConfiguration: { Enabled: false },
    FileExtension: merged.FileExtension,
    CustomTimeZone: 'UTC',
  };
}

/** What is put behind each record: nothing, or what AppendDelimiterToRecord says (a newline unless told otherwise). */
export function recordDelimiter({ ProcessingConfiguration: processing }: Readonly<Destination>): string {
  return processing?.Enabled ? (delimiterOf(processing.Processors) ?? '') : '';
}

/** The extension of the objects' names. */
export const extensionOf = ({ FileExtension: extension, CompressionFormat: format }: Readonly<Destination>): string =>
  extension || (format === 'GZIP' ? '.gz' : '');

function bufferingHints({ SizeInMBs: size, IntervalInSeconds: interval }: NonNullable<Destination['BufferingHints']> = {}) {
  if ((size === undefined) !== (interval === undefined))
    throw invalid('Both SizeInMBs and IntervalInSeconds must be specified in BufferingHints.');
  const { SizeInMBs = 5, IntervalInSeconds = 300 } = { SizeInMBs: size, IntervalInSeconds: interval };
  within('bufferingHints.sizeInMBs', SizeInMBs, 1, 128);
  within('bufferingHints.intervalInSeconds', IntervalInSeconds, 0, 900);
  return { SizeInMBs, IntervalInSeconds };
}

function within(where: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  const [way, bound] = value < least ? ['greater', least] : ['less', most];
  const path = `extendedS3DestinationConfiguration.${where}`;
  throw awsError(
    'ValidationException',
    `1 validation error detected: Value '${value}' at '${path}' failed to satisfy constraint: Member must have value ${way} than or equal to ${bound}`,
  );
}

function delimiterOf(processors: Processor[] = []): string | undefined {
  for (const { Type: type } of processors)
    if (type !== 'AppendDelimiterToRecord')
      throw invalid(`The local Firehose has the processor AppendDelimiterToRecord only, not ${type}.`);
  const [processor] = processors;
  if (!processor) return undefined;
  const given = processor.Parameters?.find(({ ParameterName }) => ParameterName === 'Delimiter')?.ParameterValue;
  return given === undefined ? '\n' : given.replaceAll('\\n', '\n');
}

function refuseWhatIsNotBuilt(given: Partial<ExtendedS3DestinationConfiguration> | ExtendedS3DestinationUpdate): void {
  const { CompressionFormat: format, EncryptionConfiguration: encryption } = given;
  const absent = {
    [`compression ${format}`]: format !== undefined && format !== 'GZIP' && format !== 'UNCOMPRESSED',
    'S3 backup': given.S3BackupMode === 'Enabled',
    'dynamic partitioning': given.DynamicPartitioningConfiguration?.Enabled,
    'data format conversion': given.DataFormatConversionConfiguration && given.DataFormatConversionConfiguration.Enabled !== false,
    'KMS encryption': encryption?.KMSEncryptionConfig,
    'time zones other than UTC': given.CustomTimeZone !== undefined && given.CustomTimeZone !== 'UTC',
  };
  for (const [what, isAsked] of Object.entries(absent)) if (isAsked) throw invalid(`The local Firehose does not have ${what}.`);
}
