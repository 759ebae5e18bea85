import { randomUUID } from 'node:crypto';
import { JsonShapeDeserializer, JsonShapeSerializer, XmlShapeDeserializer, XmlShapeSerializer } from '@aws-sdk/core/protocols';
import { FromStringShapeDeserializer, ToStringShapeSerializer } from '@smithy/core/protocols';
import { NormalizedSchema } from '@smithy/core/schema';
import { type AwsError, awsError, type Service } from './aws.ts';
import { readQueryBody } from './query-body.ts';
import type { IncomingRequest } from './signature.ts';

/** What goes back to the caller. */
export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: string | Uint8Array;
}

/** A call, read from the wire: which operation, and its input in the SDK's own shape. */
export interface Call {
  operation: string;
  input: Record<string, unknown>;
}

const JSON_SETTINGS = { jsonName: true, timestampFormat: { useTrait: true, default: 7 as const } };
const XML_SETTINGS = { xmlNamespace: '', serviceNamespace: '', timestampFormat: { useTrait: true, default: 5 as const } };
const HTTP_SETTINGS = { httpBindings: true, timestampFormat: { useTrait: true, default: 6 as const } };
const S3_NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** Reads a request of `service` with the SDK's own schemas; refuses what AWS would refuse before it looks at the content. */
export function readCall(service: Service, request: IncomingRequest): Call {
  const call =
    service.protocol === 'json'
      ? readJson(service, request)
      : service.protocol === 'query'
        ? readQuery(service, request)
        : readRest(service, request);
  if (!(call.operation in service.operations))
    throw awsError('NotImplemented', `${service.name}:${call.operation} is not part of the local AWS.`);
  requireMembers(inputOf(service, call.operation), call.input);
  return call;
}

/** Writes the operation's output as AWS would. */
export function writeReply(service: Service, operation: string, output: unknown): Reply {
  const schema = NormalizedSchema.of(schemaOf(service, operation)[5] as never);
  const value = (output ?? {}) as Record<string, unknown>;
  const requestId = randomUUID();
  if (service.protocol === 'json') {
    return {
      status: 200,
      headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': requestId },
      body: json(schema, value),
    };
  }
  if (service.protocol === 'query') {
    const result = schema.isUnitSchema() ? '' : xml(schema, value, `${operation}Result`);
    const body = `<${operation}Response>${result}<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${operation}Response>`;
    return { status: 200, headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId }, body };
  }
  return writeRest(service, operation, schema, value, requestId);
}

/** Writes an error with the status and the form that the service's schemas give it. */
export function writeError(service: Service | undefined, error: AwsError, method: string): Reply {
  const schema = service?.schemas[`${error.code}$`] as unknown[] | undefined;
  const traits = (schema?.[3] ?? {}) as { httpError?: number; awsQueryError?: [string, number] };
  const status = traits.httpError ?? STATUS[error.code] ?? 400;
  const requestId = randomUUID();
  if (service?.protocol === 'rest-xml') {
    const text = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${escapeXml(error.code)}</Code><Message>${escapeXml(error.message)}</Message><RequestId>${requestId}</RequestId></Error>`;
    return { status, headers: { 'content-type': 'application/xml', 'x-amz-request-id': requestId }, body: method === 'HEAD' ? '' : text };
  }
  if (service?.protocol === 'query') {
    const code = traits.awsQueryError?.[0] ?? error.code;
    const text = `<ErrorResponse><Error><Type>Sender</Type><Code>${escapeXml(code)}</Code><Message>${escapeXml(error.message)}</Message></Error><RequestId>${requestId}</RequestId></ErrorResponse>`;
    return { status, headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId }, body: text };
  }
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': error.code, 'x-amzn-requestid': requestId };
  return { status, headers, body: JSON.stringify({ __type: error.code, message: error.message, Message: error.message, ...error.fields }) };
}

/** Statuses of errors that no service models. */
const STATUS: Record<string, number> = {
  MissingAuthenticationTokenException: 403,
  InvalidSignatureException: 403,
  UnrecognizedClientException: 403,
  AccessDenied: 403,
  AccessDeniedException: 403,
  NoSuchKey: 404,
  NoSuchBucketPolicy: 404,
  NoSuchLifecycleConfiguration: 404,
  NoSuchPublicAccessBlockConfiguration: 404,
  NoSuchTagSet: 404,
  NoSuchVersion: 404,
  ServerSideEncryptionConfigurationNotFoundError: 404,
  NotFound: 404,
  NotModified: 304,
  MethodNotAllowed: 405,
  BucketNotEmpty: 409,
  PreconditionFailed: 412,
  EntityTooLarge: 413,
  InvalidRange: 416,
  InternalFailure: 500,
  NotImplemented: 501,
  ServiceUnavailable: 503,
};

type OperationSchema = [9, string, string, { http?: [string, string, number] } | number, unknown, unknown];

const schemaOf = (service: Service, operation: string) => service.schemas[`${operation}$`] as OperationSchema;
const inputOf = (service: Service, operation: string) => NormalizedSchema.of(schemaOf(service, operation)[4] as never);
const escapeXml = (text: string) => text.replace(/[<>&]/g, (sign) => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;' })[sign]!);

function json(schema: NormalizedSchema, value: unknown): string {
  const serializer = new JsonShapeSerializer(JSON_SETTINGS);
  if (schema.isUnitSchema()) return '{}';
  serializer.write(schema, value);
  return String(serializer.flush());
}

function xml(schema: NormalizedSchema, value: unknown, name: string, namespace = ''): string {
  const serializer = new XmlShapeSerializer({ ...XML_SETTINGS, xmlNamespace: namespace });
  serializer.write(schema, value);
  const root = schema.getMergedTraits().xmlName ?? schema.getName();
  return String(serializer.flush()).replace(new RegExp(`^<${root}|${root}>$|<${root}(?=/>$)`, 'g'), (tag: string) =>
    tag.replace(String(root), name),
  );
}

function readJson(service: Service, { headers, body }: IncomingRequest): Call {
  const operation = (headers['x-amz-target'] ?? '').split('.').at(-1)!;
  if (!schemaOf(service, operation)) throw awsError('UnknownOperationException', `${service.name} has no operation '${operation}'.`);
  return { operation, input: fromJson(inputOf(service, operation), body) };
}

function fromJson(schema: NormalizedSchema, body: Buffer): Record<string, unknown> {
  if (schema.isUnitSchema() || body.length === 0) return {};
  try {
    return (new JsonShapeDeserializer(JSON_SETTINGS).readObject(schema, JSON.parse(body.toString('utf8'))) ?? {}) as Record<
      string,
      unknown
    >;
  } catch (error) {
    throw awsError('SerializationException', `The request body is not what ${schema.getName()} is: ${(error as Error).message}`);
  }
}

function readQuery(service: Service, { body }: IncomingRequest): Call {
  const fields = new URLSearchParams(body.toString('utf8'));
  const operation = fields.get('Action') ?? '';
  if (!schemaOf(service, operation))
    throw awsError('InvalidAction', `Could not find operation ${operation} for version ${fields.get('Version')}`);
  return { operation, input: readQueryBody(inputOf(service, operation), fields) };
}

/** Finds the operation by method, path and query; the one with the most fixed and required parts wins. */
function readRest(service: Service, request: IncomingRequest): Call {
  const [bucket, path] = service.name === 's3' ? splitBucket(request.path) : [undefined, request.path];
  let best: { operation: string; labels: Record<string, string>; weight: number } | undefined;
  for (const [name, schema] of Object.entries(service.schemas)) {
    if (!Array.isArray(schema) || schema[0] !== 9) continue;
    const operation = name.slice(0, -1);
    const http = (schema[3] as { http?: [string, string, number] }).http;
    if (http?.[0] !== request.method) continue;
    const fit = fits(http[1], inputOf(service, operation), path, request, bucket !== undefined);
    if (fit && fit.weight > (best?.weight ?? -1)) best = { operation, ...fit };
  }
  if (!best) throw awsError('MethodNotAllowed', `The specified method is not allowed against this resource: ${request.method} ${path}`);
  const labels = bucket === undefined ? best.labels : { ...best.labels, Bucket: bucket };
  return { operation: best.operation, input: readBindings(inputOf(service, best.operation), service, request, labels) };
}

function splitBucket(path: string): [string | undefined, string] {
  const slash = path.indexOf('/', 1);
  const bucket = decodeURIComponent(slash < 0 ? path.slice(1) : path.slice(1, slash));
  return bucket === '' ? [undefined, '/'] : [bucket, slash < 0 ? '/' : path.slice(slash)];
}

function fits(template: string, input: NormalizedSchema, path: string, { query, headers }: IncomingRequest, hasBucket: boolean) {
  const [pattern = '', constants = ''] = template.split('?');
  const names: string[] = [];
  const expression = pattern.replace(/[.*()]/g, '\\$&').replace(/\{(\w+)(\+?)\}/g, (_all, name: string, greedy: string) => {
    names.push(name);
    return greedy ? '(.+)' : '([^/]+)';
  });
  const match = new RegExp(`^${expression.replace(/\/$/, '/?')}$`, 's').exec(path);
  if (!match) return undefined;
  let weight = 0;
  for (const [key, value] of new URLSearchParams(constants)) {
    if (key === 'x-id' && query[key] === undefined) continue;
    if (query[key] === undefined || (value !== '' && query[key] !== value)) return undefined;
    weight += 2;
  }
  const required = requiredOf(input);
  for (const [name, member] of members(input)) {
    const { httpQuery, httpHeader, httpLabel } = member.getMergedTraits();
    const wanted = required.has(name);
    if (httpQuery && wanted && query[httpQuery] === undefined) return undefined;
    if (httpHeader && wanted && headers[httpHeader.toLowerCase()] === undefined) return undefined;
    if ((httpQuery || httpHeader) && wanted) weight += 2;
    if (name === 'Bucket' && httpLabel && !names.includes('Bucket') && !hasBucket) return undefined;
    if (name === 'Bucket' && httpLabel && hasBucket) weight += 1;
  }
  return { labels: Object.fromEntries(names.map((name, i) => [name, decodeURIComponent(match[i + 1]!)])), weight };
}

function readBindings(
  input: NormalizedSchema,
  service: Service,
  request: IncomingRequest,
  labels: Record<string, string>,
): Record<string, unknown> {
  const text = new FromStringShapeDeserializer(HTTP_SETTINGS);
  const value: Record<string, unknown> = {};
  let inBody = false;
  for (const [name, member] of members(input)) {
    const { httpLabel, httpQuery, httpQueryParams, httpHeader, httpPrefixHeaders, httpPayload } = member.getMergedTraits();
    if (httpLabel) value[name] = text.read(member, labels[name]!);
    else if (httpQuery) {
      const given = request.query[httpQuery];
      if (given !== undefined) value[name] = member.isListSchema() ? [given].flat() : text.read(member, [given].flat()[0]!);
    } else if (httpHeader) {
      const given = request.headers[httpHeader.toLowerCase()];
      if (given !== undefined) value[name] = text.read(member, given);
    } else if (httpPrefixHeaders) {
      const found = Object.entries(request.headers).filter(([header]) => header.startsWith(httpPrefixHeaders));
      if (found.length > 0) value[name] = Object.fromEntries(found.map(([header, item]) => [header.slice(httpPrefixHeaders.length), item]));
    } else if (httpPayload) value[name] = payload(member, service, request.body);
    else if (!httpQueryParams) inBody = true;
  }
  return inBody && service.protocol === 'rest-json' ? { ...fromJson(input, request.body), ...value } : value;
}

function payload(member: NormalizedSchema, service: Service, body: Buffer): unknown {
  if (member.isBlobSchema()) return body;
  if (member.isStringSchema()) return body.toString('utf8');
  if (body.length === 0) return undefined;
  if (service.protocol === 'rest-json') return fromJson(member, body);
  try {
    return new XmlShapeDeserializer(XML_SETTINGS).read(member, body);
  } catch (error) {
    throw awsError('MalformedXML', `The XML you provided was not well-formed: ${(error as Error).message}`);
  }
}

function writeRest(
  service: Service,
  operation: string,
  output: NormalizedSchema,
  value: Record<string, unknown>,
  requestId: string,
): Reply {
  const http = (schemaOf(service, operation)[3] as { http: [string, string, number] }).http;
  const reply: Reply = { status: http[2], headers: { 'x-amzn-requestid': requestId, 'x-amz-request-id': requestId }, body: '' };
  const text = new ToStringShapeSerializer(HTTP_SETTINGS);
  const inBody: Record<string, unknown> = {};
  let hasPayload = false;
  let hasBody = false;
  for (const [name, member] of members(output)) {
    const { httpHeader, httpPrefixHeaders, httpPayload, httpResponseCode } = member.getMergedTraits();
    const item = value[name];
    if (httpPayload) hasPayload = true;
    hasBody ||= !httpHeader && !httpPrefixHeaders && !httpResponseCode;
    if (item === undefined) continue;
    if (httpResponseCode) reply.status = item as number;
    else if (httpHeader) {
      text.write(member, item);
      reply.headers[httpHeader.toLowerCase()] = String(text.flush());
    } else if (httpPrefixHeaders) {
      for (const [key, entry] of Object.entries(item as Record<string, string>))
        reply.headers[`${httpPrefixHeaders}${key}`.toLowerCase()] = entry;
    } else if (httpPayload) {
      const isBytes = member.isBlobSchema() || member.isStringSchema();
      reply.body = isBytes
        ? (item as string | Uint8Array)
        : service.protocol === 'rest-json'
          ? json(member, item)
          : xmlPayload(member, item);
    } else inBody[name] = item;
  }
  if (!hasPayload && service.protocol === 'rest-json') reply.body = json(output, inBody);
  if (!hasPayload && service.protocol === 'rest-xml' && hasBody)
    reply.body = xml(output, inBody, output.getMergedTraits().xmlName ?? String(output.getName()), S3_NAMESPACE);
  if (reply.headers['content-range']) reply.status = 206;
  reply.headers['content-type'] ??= service.protocol === 'rest-json' ? 'application/json' : 'application/xml';
  return reply;
}

function xmlPayload(member: NormalizedSchema, value: unknown): string {
  const { xmlName } = member.getMergedTraits();
  return xml(member, value, xmlName ?? String(member.getName()), S3_NAMESPACE);
}

const members = (schema: NormalizedSchema): [string, NormalizedSchema][] => (schema.isStructSchema() ? [...schema.structIterator()] : []);

/** The schema lists required members first and says how many they are. */
function requiredOf(schema: NormalizedSchema): Set<string> {
  if (!schema.isStructSchema()) return new Set();
  const shape = schema.getSchema() as unknown as [number, string, string, unknown, string[], unknown[], number?];
  return new Set(shape[4].slice(0, shape[6] ?? 0));
}

/** Refuses a missing required member anywhere in the input, naming its path. */
function requireMembers(schema: NormalizedSchema, value: unknown, path = ''): void {
  if (value === null || value === undefined) return;
  if (schema.isStructSchema()) {
    const required = requiredOf(schema);
    for (const [name, member] of members(schema)) {
      const item = (value as Record<string, unknown>)[name];
      const where = path === '' ? name : `${path}.${name}`;
      if (item === undefined || item === null) {
        if (required.has(name))
          throw awsError(
            'ValidationException',
            `1 validation error detected: Value null at '${where}' failed to satisfy constraint: Member must not be null`,
          );
      } else requireMembers(member, item, where);
    }
  } else if (schema.isListSchema() && Array.isArray(value)) {
    const item = schema.getValueSchema();
    if (item.isStructSchema() || item.isListSchema() || item.isMapSchema())
      for (const [i, entry] of value.entries()) requireMembers(item, entry, `${path}.${i + 1}.member`);
  } else if (schema.isMapSchema()) {
    for (const [key, entry] of Object.entries(value as object)) requireMembers(schema.getValueSchema(), entry, `${path}.${key}`);
  }
}
