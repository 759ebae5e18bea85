import { randomUUID } from 'node:crypto';
import { NormalizedSchema } from '@smithy/core/schema';
import { type AwsError, awsError, type Service } from './aws.ts';
import { readQueryBody } from './query-body.ts';
import { readRest, writeRest } from './rest.ts';
import { fromJson, inputOf, json, requireMembers, schemaOf, xml } from './shapes.ts';
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
  const traits = (schema?.[3] ?? {}) as { httpError?: number; error?: string; awsQueryError?: [string, number] };
  const status = traits.httpError ?? STATUS[error.code] ?? (traits.error === 'server' ? 500 : 400);
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
  InternalError: 500,
  NotImplemented: 501,
  ServiceUnavailable: 503,
};

const escapeXml = (text: string) => text.replace(/[<>&]/g, (sign) => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;' })[sign]!);

function readJson(service: Service, { headers, body }: IncomingRequest): Call {
  const operation = (headers['x-amz-target'] ?? '').split('.').at(-1)!;
  if (!schemaOf(service, operation)) throw awsError('UnknownOperationException', `${service.name} has no operation '${operation}'.`);
  return { operation, input: fromJson(inputOf(service, operation), body) };
}

function readQuery(service: Service, { body }: IncomingRequest): Call {
  const fields = new URLSearchParams(body.toString('utf8'));
  const operation = fields.get('Action') ?? '';
  if (!schemaOf(service, operation))
    throw awsError('InvalidAction', `Could not find operation ${operation} for version ${fields.get('Version')}`);
  return { operation, input: readQueryBody(inputOf(service, operation), fields) };
}
