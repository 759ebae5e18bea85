import { FromStringShapeDeserializer, ToStringShapeSerializer } from '@smithy/core/protocols';
import type { NormalizedSchema } from '@smithy/core/schema';
import { awsError, type Service } from './aws.ts';
import { fromJson, fromXml, inputOf, json, members, requiredOf, schemaOf, xml } from './shapes.ts';
import type { IncomingRequest } from './signature.ts';
import type { Call, Reply } from './wire.ts';

const HTTP_SETTINGS = { httpBindings: true, timestampFormat: { useTrait: true, default: 6 as const } };
const S3_NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** Reads a REST call, its operation found by method, path and query; the one with the most fixed and required parts wins. */
export function readRest(service: Service, request: IncomingRequest): Call {
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
  return fromXml(member, body);
}

/** Writes an operation's output to status, headers and body as its members are bound. */
export function writeRest(
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
