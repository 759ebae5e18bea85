import { readFileSync } from 'node:fs';
import { type Call, DATA } from '../local/call-log.ts';

/** A shape of a service model, as PyPI's botocore carries it. */
interface Shape {
  type: string;
  required?: string[];
  members?: Record<string, { shape: string }>;
  member?: { shape: string };
  key?: { shape: string };
  value?: { shape: string };
  min?: number;
  max?: number;
  pattern?: string;
  enum?: string[];
  union?: boolean;
  document?: boolean;
  exception?: boolean;
  error?: { code?: string };
}

interface Model {
  operations: Record<string, { input?: { shape: string }; errors?: { shape: string }[] }>;
  shapes: Record<string, Shape>;
}

/** AWS's own description of one service, as a judge of requests and of errors. */
export interface ServiceModel {
  /** What of a request AWS would not take, a line each with its path. */
  faults(operation: string, input: unknown): string[];
  /** The names of the errors that the service's operations may end with. */
  errors: Set<string>;
}

/** Operations that only mend what somebody changed behind our back. */
export const MENDING = [
  'AddApplicationCloudWatchLoggingOption',
  'DescribeDashboardDefinition',
  'DetachRolePolicy',
  'UpdateAnalysis',
  'UpdateApplication',
  'UpdateAssumeRolePolicy',
  'UpdateCrawler',
  'UpdateDashboard',
  'UpdateDashboardPublishedVersion',
  'UpdateDataSet',
  'UpdateDataSource',
  'UpdateRole',
  'UpdateStreamMode',
  'UpdateWorkGroup',
];

/** What the models find wrong with calls, each fault once. Of data that was logged by its size there is nothing to judge. */
export const faultsOfAll = (calls: Call[]): string[] => [
  ...new Set(
    calls
      .filter(({ operation, input }) => !(DATA.includes(operation) && 'bytes' in (input as object)))
      .flatMap(({ service, operation, input }) => modelOf(service).faults(operation, input)),
  ),
];

/** The same of a call log on disk. What our own programs asked is judged whatever came of it; what anybody else did, where the local AWS took it. */
export function faultsInFile(file: string): string[] {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return faultsOfAll(lines.map((line) => JSON.parse(line) as Call).filter(({ app, outcome }) => app !== undefined || isTaken(outcome)));
}

const isTaken = (outcome: string) => outcome === 'ok' || outcome === 'lost';

const models = new Map<string, ServiceModel>();

/** The model of a service of the local AWS. */
export function modelOf(service: string): ServiceModel {
  const found = models.get(service) ?? serviceModel(service);
  models.set(service, found);
  return found;
}

function serviceModel(service: string): ServiceModel {
  const file = new URL(`../.tools/botocore/${BOTOCORE[service] ?? service}.json`, import.meta.url);
  const { operations, shapes } = JSON.parse(readFileSync(file, 'utf8')) as Model;
  return {
    faults: (operation, input) => {
      const known = operations[operation];
      if (known === undefined) return [`${operation} is no operation of ${service}`];
      if (known.input === undefined) return Object.keys((input ?? {}) as object).map((member) => `${operation}.${member} is not known`);
      return faultsOf(shapes, known.input.shape, input ?? {}, operation);
    },
    errors: new Set(Object.entries(shapes).flatMap(([name, { exception, error }]) => (exception ? [name, error?.code ?? name] : []))),
  };
}

/** Where botocore names a service otherwise than our local AWS. */
const BOTOCORE: Record<string, string> = { kinesisanalytics: 'kinesisanalyticsv2' };

function faultsOf(shapes: Model['shapes'], name: string, value: unknown, path: string): string[] {
  const shape = shapes[name]!;
  if (value === undefined || value === null) return [];
  const each = (of: { shape: string }, item: unknown, where: string) => faultsOf(shapes, of.shape, item, where);
  switch (shape.type) {
    case 'structure':
      return shape.document ? [] : structureFaults(shape, value, path, each);
    case 'list':
      if (!Array.isArray(value)) return [`${path} is no list`];
      return [...sizeFaults(shape, value.length, path), ...value.flatMap((item, i) => each(shape.member!, item, `${path}[${i}]`))];
    case 'map': {
      const entries = Object.entries(value as object);
      return [
        ...sizeFaults(shape, entries.length, path),
        ...entries.flatMap(([key, item]) => [...each(shape.key!, key, `${path} key`), ...each(shape.value!, item, `${path}.${key}`)]),
      ];
    }
    case 'string':
      return typeof value === 'string' ? stringFaults(shape, value, path) : [`${path} is no string`];
    case 'integer':
    case 'long':
      return Number.isInteger(value) ? sizeFaults(shape, value as number, path) : [`${path} is no whole number`];
    case 'float':
    case 'double':
      return typeof value === 'number' ? sizeFaults(shape, value, path) : [`${path} is no number`];
    case 'boolean':
      return typeof value === 'boolean' ? [] : [`${path} is no boolean`];
    case 'timestamp':
      return isTime(value) ? [] : [`${path} is no time`];
    case 'blob':
      return bytesOf(value) === undefined ? [`${path} are no bytes`] : sizeFaults(shape, bytesOf(value)!.length, path);
    default:
      throw new Error(`the model of ${path} has type ${shape.type}, which nobody here knows`);
  }
}

/** A time, which a log on disk has as text. */
const isTime = (value: unknown): boolean =>
  !Number.isNaN(value instanceof Date || typeof value === 'string' ? +new Date(value) : Number.NaN);

/** Bytes, which a log on disk has as a list. */
const bytesOf = (value: unknown): ArrayLike<number> | undefined =>
  value instanceof Uint8Array
    ? value
    : (value as { type?: string; data?: number[] }).type === 'Buffer'
      ? (value as { data: number[] }).data
      : undefined;

function structureFaults(
  { members = {}, required = [], union }: Shape,
  value: unknown,
  path: string,
  each: (of: { shape: string }, item: unknown, where: string) => string[],
): string[] {
  if (typeof value !== 'object' || Array.isArray(value)) return [`${path} is no structure`];
  const given = Object.entries(value as object).filter(([, item]) => item !== undefined && item !== null);
  return [
    ...required.filter((member) => !given.some(([key]) => key === member)).map((member) => `${path}.${member} is missing`),
    ...(union && given.length !== 1 ? [`${path} must have one member, not ${given.length}`] : []),
    ...given.flatMap(([key, item]) => (members[key] ? each(members[key], item, `${path}.${key}`) : [`${path}.${key} is not known`])),
  ];
}

function stringFaults(shape: Shape, value: string, path: string): string[] {
  const { pattern, enum: values } = shape;
  return [
    ...sizeFaults(shape, [...value].length, path),
    ...(pattern && !whole(pattern).test(value) ? [`${path}: '${value.slice(0, 80)}' does not match ${pattern}`] : []),
    ...(values && !values.includes(value) ? [`${path}: '${value}' is none of ${values.slice(0, 5).join(', ')}`] : []),
  ];
}

/** Java's patterns are JavaScript's, but Unicode's classes and its pairs of surrogates want a flag. */
const whole = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`, /\\p\{|\\uD800/.test(pattern) ? 'u' : '');

function sizeFaults({ min = -Infinity, max = Infinity }: Shape, size: number, path: string): string[] {
  return size < min || size > max ? [`${path} has size ${size}, not ${min} to ${max}`] : [];
}
