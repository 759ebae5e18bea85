import { mkdtemp, rm, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateStreamCommand, KinesisClient, ListStreamsCommand } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { Sha256 } from '../../local/signature.ts';
import { type Local, startLocal } from '../../local/start.ts';

let dir: string;
let local: Local;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'd2d-server-'));
  local = await startLocal({ dir });
});

afterAll(async () => {
  await local.close();
  await rm(dir, { recursive: true });
});

interface Raw {
  headers: Record<string, string>;
  body?: string;
  path?: string;
  method?: string;
}

/** Sends exactly these headers, as no browser or SDK would let us. */
const send = ({ headers, body = '{}', path = '/', method = 'POST' }: Raw): Promise<number> =>
  new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port: new URL(local.endpoint).port, path, method, headers, setHost: false }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
    });
    outgoing.on('error', reject).end(body);
  });

const CREATE = JSON.stringify({ StreamName: 'forged', ShardCount: 1 });

async function signed(over: { date?: Date; secret?: string; key?: string; extra?: Record<string, string> } = {}): Promise<Raw> {
  const { host } = new URL(local.endpoint);
  const headers = { host, 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'Kinesis_20131202.CreateStream', ...over.extra };
  const signer = new SignatureV4({
    service: 'kinesis',
    region: local.region,
    credentials: {
      accessKeyId: over.key ?? local.credentials.accessKeyId,
      secretAccessKey: over.secret ?? local.credentials.secretAccessKey,
    },
    sha256: Sha256,
  });
  const request = new HttpRequest({ method: 'POST', protocol: 'http:', hostname: '127.0.0.1', path: '/', headers, body: CREATE });
  const { headers: all } = await signer.sign(request, { signingDate: over.date });
  return { headers: all, body: CREATE };
}

const streams = async () => (await new KinesisClient(local).send(new ListStreamsCommand({}))).StreamNames ?? [];

describe('the one door of the local AWS', () => {
  it.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.nip.example:4566',
    '2130706433',
    '0x7f000001',
    '0.0.0.0',
    '127.1',
    'localhost.',
    'user@localhost',
    '[::2]',
    '192.168.0.1',
    '',
  ])('refuses the Host %p', async (host) => {
    expect(await send({ ...(await signed()), headers: { ...(await signed()).headers, host } })).toBe(403);
  });

  it.each(['http://evil.example', 'null', 'https://localhost', 'http://localhost:1', 'file://'])(
    'refuses the Origin %p even when signed',
    async (origin) => {
      expect(await send(await signed({ extra: { origin } }))).toBe(403);
    },
  );

  it('refuses what a page of another site can make a browser send', async () => {
    const { host } = new URL(local.endpoint);
    const form = { host, 'content-type': 'text/plain', 'x-amz-target': 'Kinesis_20131202.CreateStream' };
    expect(await send({ headers: { ...form, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, body: CREATE })).toBe(403);
    expect(await send({ headers: form, body: CREATE })).toBe(403);
    expect(
      await send({
        headers: { host, origin: 'http://evil.example', 'access-control-request-method': 'POST' },
        method: 'OPTIONS',
        body: '',
      }),
    ).toBe(403);
  });

  it('refuses a wrong secret, an unknown key, an old date, a changed body and a changed or added header', async () => {
    expect(await send(await signed({ secret: 'wrong' }))).toBe(403);
    expect(await send(await signed({ key: 'AKIAUNKNOWN' }))).toBe(403);
    expect(await send(await signed({ date: new Date(Date.now() - 16 * 60_000) }))).toBe(403);
    expect(await send({ ...(await signed()), body: CREATE.replace('forged', 'forgee') })).toBe(403);
    const good = await signed();
    expect(await send({ ...good, headers: { ...good.headers, 'x-amz-target': 'Kinesis_20131202.DeleteStream' } })).toBe(403);
    expect(await send({ ...good, headers: { ...good.headers, 'x-amz-new': 'unsigned' } })).toBe(403);
    expect(await send({ ...good, path: '/?a=1' })).toBe(403);
    expect(
      await send({
        ...good,
        headers: { ...good.headers, authorization: good.headers.authorization!.replace(/.$/, (last) => (last === '0' ? '1' : '0')) },
      }),
    ).toBe(403);
  });

  it('has changed nothing by all that, and still serves whoever signs', async () => {
    expect(await streams()).toEqual([]);
    expect(await send(await signed())).toBe(200);
    expect(await streams()).toEqual(['forged']);
  });

  it('answers an operation that it does not have with an error, not with a pretence', async () => {
    const kinesis = new KinesisClient({ ...local, maxAttempts: 1 });
    const { EnableEnhancedMonitoringCommand } = await import('@aws-sdk/client-kinesis');
    await expect(
      kinesis.send(new EnableEnhancedMonitoringCommand({ StreamName: 'forged', ShardLevelMetrics: ['ALL'] })),
    ).rejects.toMatchObject({ name: 'NotImplemented' });
    await expect(kinesis.send(new CreateStreamCommand({} as never))).rejects.toMatchObject({ name: 'ValidationException' });
  });

  it('keeps its state to its owner', async () => {
    expect((await stat(dir)).mode & 0o777).toBe(0o700);
    expect((await stat(join(dir, 'credentials.json'))).mode & 0o777).toBe(0o600);
  });
});
