import type { SqlEngine } from './athena/engine.ts';
import type { CallLog } from './call-log.ts';
import type { Clock } from './clock.ts';
import type { Faults } from './faults.ts';
import type { Keys } from './iam/keys.ts';
import type { Journal } from './journal.ts';
import type { ShardLogs } from './kinesis/log.ts';
import type { Pages } from './pages.ts';
import type { Durations } from './profile.ts';
import type { ObjectStore } from './s3/store.ts';

/** One AWS operation: from the SDK's input type to its output type. It may throw `awsError`; what it wrote is on disk before the caller hears. */
// biome-ignore lint/suspicious/noExplicitAny: the table of operations is heterogeneous; each entry is typed where it is written
export type Operation<Input = any, Output = any> = (input: Input, aws: Aws) => Output | Promise<Output>;

/** One AWS service: its SigV4 name, its wire, the SDK client module that carries its schemas, and the operations it has. */
export interface Service {
  name: string;
  protocol: 'json' | 'rest-json' | 'rest-xml' | 'query';
  schemas: Record<string, unknown>;
  operations: Record<string, Operation>;
  /** Throws AWS's refusal of an operation that the endpoint of this region does not answer. */
  checkRegion?(operation: string, region: string, aws: Aws): void;
  /** Takes up work that was under way when the process ended (deliveries, crawls, applications). Ends by `aws.onClose`. */
  start?(aws: Aws): void | Promise<void>;
}

/** The laptop's AWS account: what every operation sees. */
export interface Aws {
  account: string;
  region: string;
  /** Where the account's QuickSight has its users, groups and subscription. */
  identityRegion: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  /** Every key that is good, the account's own among them. */
  keys: Keys;
  /** The state folder; each service keeps its files in a folder of its own name. */
  dir: string;
  /** `http://127.0.0.1:<port>`, once listening. */
  endpoint: string;
  /** Milliseconds since the epoch; injected, so that tests can move time. */
  now(): number;
  /** Waits by the same clock. */
  sleep: Clock['sleep'];
  /** Notes that a transition of a thing begins, which then takes its own time. */
  begins: Durations['begins'];
  /** Milliseconds that a transition of a thing takes; 0 in the `instant` profile. */
  takes: Durations['takes'];
  /** How refusals of a role that has not spread yet are worded. */
  readonly roleWording: 'known' | 'unseen';
  faults: Faults;
  calls: CallLog;
  /** The durations drawn so far. */
  drawn: Durations['drawn'];
  journal: Journal;
  shards: ShardLogs;
  objects: ObjectStore;
  sql: SqlEngine;
  pages: Pages;
  log: (part: string, message: string) => void;
  /** Runs at shutdown, last registered first. */
  onClose(close: () => void | Promise<void>): void;
}

/** An error as AWS words it: `code` is the exception's modelled name, `fields` its further members. */
export class AwsError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly fields: Record<string, unknown> = {},
  ) {
    super(message);
    this.name = code;
  }
}

/** Makes the error to throw from an operation. */
export const awsError = (code: string, message: string, fields?: Record<string, unknown>): AwsError => new AwsError(code, message, fields);

/** `arn:aws:<service>:<region>:<account>:<resource>` of this account. */
export const arn = (aws: Pick<Aws, 'region' | 'account'>, service: string, resource: string): string =>
  `arn:aws:${service}:${aws.region}:${aws.account}:${resource}`;
