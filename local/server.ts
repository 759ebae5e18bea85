import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createServer as createNet, type Socket } from 'node:net';
import { type Aws, AwsError, awsError, type Service } from './aws.ts';
import { decodeChunked } from './aws-chunked.ts';
import { batchOf } from './batches.ts';
import type { OpenCall } from './call-log.ts';
import { CONTROL, control } from './control.ts';
import { crash } from './crash.ts';
import { authorize } from './iam/authorize.ts';
import { type AccessKey, callerOf } from './iam/keys.ts';
import { refusalOf } from './refusals.ts';
import { type IncomingRequest, verified } from './signature.ts';
import { type Reply, readCall, writeError, writeReply } from './wire.ts';

const MAX_BODY_BYTES = 64 << 20;

/** The one port of the local AWS. HTTP/1.1 and HTTP/2 without TLS share it: the first bytes of a connection tell them apart. */
export interface LocalServer {
  port: number;
  close(): Promise<void>;
}

/** Listens on `host:port` (0 = free) and answers for `services`; every request passes Host, Origin and signature checks first. */
export async function listen(
  { host, port, allowedHosts = [] }: { host: string; port: number; allowedHosts?: string[] },
  services: Service[],
  aws: Aws,
): Promise<LocalServer> {
  const byName = new Map(services.map((service) => [service.name, service]));
  const handle = async (incoming: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) => {
    const reply = await answer(incoming, byName, aws, allowedHosts).catch((error: unknown) => {
      if (error instanceof Unanswered) return undefined;
      aws.log('server', `answering ${incoming.method} ${incoming.url}: ${(error as Error).stack}`);
      return { status: 500, headers: {}, body: '' };
    });
    if (reply === undefined) return void incoming.socket?.destroy();
    const date = new Date(aws.now()).toUTCString();
    send(response as ServerResponse, { ...reply, headers: { date, ...reply.headers } }, incoming.method === 'HEAD');
  };
  const http = createHttp({ keepAliveTimeout: 60_000 }, handle);
  const http2 = createHttp2(handle as never);
  const sockets = new Set<Socket>();
  const net = createNet((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
    socket.once('readable', () => {
      const first: Buffer | null = socket.read();
      if (first === null) return;
      socket.unshift(first);
      (first.toString('latin1', 0, 3) === 'PRI' ? http2 : http).emit('connection', socket);
    });
  });
  await new Promise<void>((ready, failed) => net.once('error', failed).listen(port, host, ready));
  return {
    port: (net.address() as { port: number }).port,
    close: () =>
      new Promise((closed) => {
        net.close(() => closed());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function answer(
  incoming: IncomingMessage | Http2ServerRequest,
  services: Map<string, Service>,
  aws: Aws,
  allowedHosts: string[],
): Promise<Reply> {
  const refusal = checkSource(incoming, allowedHosts);
  if (refusal) return { status: 403, headers: { 'content-type': 'text/plain' }, body: refusal };
  const request = await received(incoming);
  if (!request) return { status: 413, headers: { connection: 'close' }, body: '' };
  if (request.headers.authorization === undefined && aws.pages.serves(request.path)) return aws.pages.answer(request);

  let service: Service | undefined;
  try {
    const { service: name, region, key } = await verified(request, aws.keys.find, aws.now());
    if (name === CONTROL && key.acting === undefined) return control(aws, request.path, request.body);
    service = services.get(name);
    if (!service) throw awsError('NotImplemented', `The local AWS has no service '${name}'.`);
    if (request.headers['content-encoding']?.includes('aws-chunked')) unchunk(request);
    const { operation, input } = readCall(service, request);
    const caller = { key, region, agent: request.headers['user-agent'], gone: () => hungUp(incoming) };
    const output = await called(aws, service, operation, input, caller);
    return writeReply(service, operation, output);
  } catch (error) {
    if (error instanceof Unanswered) throw error;
    if (error instanceof AwsError) return writeError(service ?? services.get(guessService(request)), error, request.method);
    aws.log(service?.name ?? 'server', `${request.method} ${request.path}: ${(error as Error).stack}`);
    return writeError(service, awsError('InternalFailure', (error as Error).message), request.method);
  }
}

/** A call whose connection is broken in place of an answer: before it takes effect, or after. */
class Unanswered extends Error {
  constructor(readonly outcome: 'cut' | 'lost') {
    super(outcome);
  }
}

/** Who calls: by which key, at the endpoint of which region, with which User-Agent, and when it hangs up. */
interface Caller {
  key: AccessKey;
  region: string;
  agent?: string;
  gone(): Promise<unknown>;
}

/** Resolves once the caller waits no longer. */
const hungUp = (incoming: IncomingMessage | Http2ServerRequest): Promise<unknown> =>
  once('stream' in incoming ? incoming.stream : incoming.socket, 'close');

/** Runs an operation for whoever may call it, with whatever the fault plan has for it, and logs the call. */
async function called(aws: Aws, service: Service, operation: string, input: Record<string, unknown>, caller: Caller): Promise<unknown> {
  const { key, region, agent = '', gone } = caller;
  const [, app] = / app\/(\S+)/.exec(agent) ?? [];
  const call: OpenCall = { id: randomUUID(), at: aws.now(), service: service.name, operation, caller: callerOf(key), app, input };
  const ended = (outcome: string) => aws.calls.add({ ...call, took: aws.now() - call.at, outcome });
  const run = async (given = input) => {
    const output = await service.operations[operation]!(given, aws);
    aws.calls.tookEffect(call);
    await aws.journal.commit();
    return output;
  };
  try {
    authorize(aws, key, service.name, operation, input);
    service.checkRegion?.(operation, region, aws);
    const output = await struck(aws, service, call, run, gone);
    ended('ok');
    return output;
  } catch (error) {
    ended(error instanceof Unanswered ? error.outcome : (error as Error).name);
    throw error;
  }
}

async function struck(
  aws: Aws,
  service: Service,
  call: OpenCall,
  run: (given?: Record<string, unknown>) => Promise<unknown>,
  gone: Caller['gone'],
): Promise<unknown> {
  const { operation } = call;
  const strike = aws.faults.strike(call);
  if (strike === undefined) return run();
  await aws.journal.commit(); // the strike is counted, whatever comes
  const { fault, number } = strike;
  const refusal = refusalOf(fault, service, operation, number);
  if (refusal) throw refusal;
  if (fault.kind === 'latency') await aws.sleep(fault.milliseconds);
  if (fault.kind === 'timeout') await gone();
  if (fault.kind === 'cut' || fault.kind === 'timeout') throw new Unanswered('cut');
  if (fault.kind === 'crash' && fault.when === 'before') return crash();
  const batch = batchOf(fault, call, number);
  const result = batch?.isEmpty ? Promise.resolve(undefined) : run(batch?.input);
  if (fault.kind === 'crash') return result.then(crash, crash);
  const output = await result;
  if (batch?.again) await run(batch.again);
  if (fault.kind === 'lostAnswer') throw new Unanswered('lost');
  return batch ? batch.answer(output as Record<string, unknown> | undefined) : output;
}

function unchunk(request: IncomingRequest): void {
  const { body, trailers } = decodeChunked(request.body);
  if (Number(request.headers['x-amz-decoded-content-length'] ?? body.length) !== body.length)
    throw awsError('IncompleteBody', 'You did not provide the number of bytes specified by the Content-Length HTTP header.');
  request.body = body;
  request.headers = { ...trailers, ...request.headers };
}

/** The service a request was meant for, so that even a refused one hears the error in its own protocol. */
const guessService = ({ headers }: IncomingRequest) =>
  /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(headers.authorization ?? '')?.[1] ?? '';

/** Says why a request may not come in at all: a foreign Host (DNS rebinding) or a foreign web page (Origin, Sec-Fetch-Site). */
function checkSource(incoming: IncomingMessage | Http2ServerRequest, allowedHosts: string[]): string | undefined {
  const host = String(incoming.headers[':authority'] ?? incoming.headers.host ?? '');
  const name = host.replace(/:\d+$/, '');
  const own = ['localhost', '127.0.0.1', '[::1]', ...allowedHosts];
  if (!own.includes(name)) return `Host '${host}' is not served here.\n`;
  const { origin } = incoming.headers;
  if (origin !== undefined && origin !== `http://${host}`) return `Origin '${origin}' may not use the local AWS.\n`;
  const site = incoming.headers['sec-fetch-site'];
  const navigates = incoming.headers['sec-fetch-mode'] === 'navigate' && incoming.method === 'GET';
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !navigates) return 'Requests from other sites are not served.\n';
  if (!incoming.url?.startsWith('/')) return 'Only origin-form requests are served.\n';
  return undefined;
}

async function received(incoming: IncomingMessage | Http2ServerRequest): Promise<IncomingRequest | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  const [path = '/', search = ''] = splitOnce(incoming.url ?? '/', '?');
  const query: Record<string, string | string[]> = {};
  for (const [key, value] of new URLSearchParams(search.replaceAll('+', '%20'))) {
    const before = query[key];
    query[key] = before === undefined ? value : [before, value].flat();
  }
  const headers: Record<string, string> = {};
  for (const [key, value] of Object.entries(incoming.headers)) {
    if ((key === ':authority' || !key.startsWith(':')) && value !== undefined)
      headers[key] = Array.isArray(value) ? value.join(', ') : value;
  }
  const authority = headers[':authority'];
  if (authority !== undefined) headers.host ??= authority;
  return { method: incoming.method ?? 'GET', path, query, headers, body: Buffer.concat(chunks) };
}

function splitOnce(text: string, at: string): [string, string] {
  const i = text.indexOf(at);
  return i < 0 ? [text, ''] : [text.slice(0, i), text.slice(i + 1)];
}

function send(response: ServerResponse, { status, headers, body }: Reply, isHead: boolean): void {
  if (response.destroyed || response.writableEnded) return;
  const length = headers['content-length'] ?? String(Buffer.byteLength(body));
  response.writeHead(status, status === 204 ? headers : { ...headers, 'content-length': length });
  response.end(isHead ? undefined : body);
}
