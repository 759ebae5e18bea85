import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { awsError } from './aws.ts';
import type { AccessKey } from './iam/keys.ts';

/** A request as it came in, its body read. `path` is raw, as on the wire; `query` is decoded. */
export interface IncomingRequest {
  method: string;
  path: string;
  query: Record<string, string | string[]>;
  headers: Record<string, string>;
  body: Buffer;
}

const SKEW_MS = 15 * 60_000;
const STREAMED = /^STREAMING-UNSIGNED-PAYLOAD-TRAILER$/;

/** Checks the SigV4 signature of a request; returns the service and the region that its credential scope names, and the key; throws what AWS answers to a bad one. */
export async function verified(
  request: IncomingRequest,
  find: (accessKeyId: string) => AccessKey | undefined,
  now: number,
): Promise<{ service: string; region: string; key: AccessKey }> {
  const { authorization = '', 'x-amz-date': stamp = '' } = request.headers;
  if (authorization === '') throw awsError('MissingAuthenticationTokenException', 'Missing Authentication Token');
  const parts =
    /^AWS4-HMAC-SHA256 +Credential=([^/, ]+)\/(\d{8})\/([^/, ]+)\/([^/, ]+)\/aws4_request, *SignedHeaders=([^, ]+), *Signature=([0-9a-f]{64})$/.exec(
      authorization,
    );
  const time = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(stamp);
  if (!parts || !time) throw awsError('IncompleteSignatureException', 'Authorization header is not a complete AWS4-HMAC-SHA256 signature.');
  const [, accessKeyId, day, region, service, signedList, given] = parts as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const key = find(accessKeyId);
  if (key === undefined) throw awsError('UnrecognizedClientException', 'The security token included in the request is invalid.');
  const at = Date.UTC(+time[1]!, +time[2]! - 1, +time[3]!, +time[4]!, +time[5]!, +time[6]!);
  if (!stamp.startsWith(day) || Math.abs(at - now) > SKEW_MS)
    throw awsError('InvalidSignatureException', `Signature expired: ${stamp} is not within 15 minutes of the server's time.`);

  const signed = new Set(signedList.split(';'));
  // Over HTTP/2 one SDK signs the host as `:authority`, another as `host`: the same value, so either will do.
  const { host, ':authority': authority = host } = request.headers;
  const hostSigned = host === authority && (signed.has('host') || signed.has(':authority'));
  const unsigned = Object.keys(request.headers).filter((name) => name.startsWith('x-amz-') && !signed.has(name));
  if (!hostSigned) unsigned.unshift('host');
  if (unsigned.length > 0) throw awsError('InvalidSignatureException', `These headers must be signed: ${unsigned.join(', ')}.`);
  checkBody(request, service);

  const { secretAccessKey } = key;
  const signer = new SignatureV4({
    service,
    region,
    credentials: { accessKeyId, secretAccessKey },
    sha256: Sha256,
    uriEscapePath: service !== 's3',
    applyChecksum: false,
  });
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => signed.has(name)));
  const again = await signer.sign(new HttpRequest({ ...request, headers }), { signingDate: new Date(at), signableHeaders: signed });
  const wanted = again.headers.authorization?.slice(-64) ?? '';
  if (!timingSafeEqual(Buffer.from(wanted), Buffer.from(given)))
    throw awsError(
      'InvalidSignatureException',
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.',
    );
  return { service, region, key };
}

/** The signature covers the hash that the header states, so the stated hash must be the body's own. */
function checkBody({ headers, body }: IncomingRequest, service: string): void {
  const stated = headers['x-amz-content-sha256'];
  if (stated === undefined) return;
  if (service === 's3' && (stated === 'UNSIGNED-PAYLOAD' || STREAMED.test(stated))) return;
  if (stated === createHash('sha256').update(body).digest('hex')) return;
  const code = service === 's3' ? 'XAmzContentSHA256Mismatch' : 'InvalidSignatureException';
  throw awsError(code, "The provided 'x-amz-content-sha256' header does not match what was computed.");
}

/** The hash that the signer wants, on Node's own crypto. */
export class Sha256 {
  private readonly hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytes(secret));
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.hash.update(bytes(data));
  }
  async digest(): Promise<Uint8Array> {
    return this.hash.digest();
  }
  reset(): void {}
}

const bytes = (data: string | ArrayBuffer | ArrayBufferView): Buffer =>
  typeof data === 'string'
    ? Buffer.from(data)
    : ArrayBuffer.isView(data)
      ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
      : Buffer.from(data);
