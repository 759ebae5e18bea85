import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from '@jest/globals';
import { type ControlTarget, controlOf } from '../../local/control-client.ts';

/** What a question comes to at a server that answers so. */
async function asked(answer: RequestListener, more: Partial<ControlTarget> = {}): Promise<unknown> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: 'AKIA', secretAccessKey: 'secret' };
  try {
    return await controlOf({ endpoint, region: 'us-east-1', credentials, ...more }).counts();
  } catch (error) {
    return (error as Error).message;
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

it('gives the answer, or the refusal in its own words', async () => {
  expect(await asked((_, response) => response.end('[]'))).toEqual([]);
  expect(await asked((_, response) => response.writeHead(400).end('{"error":"there is no such fault"}'))).toBe('there is no such fault');
});

it('tells of an answer that is not the test bed’s, instead of failing to read it', async () => {
  expect(await asked((_, response) => response.writeHead(502).end('<html>Bad gateway</html>'))).toBe('HTTP 502 <html>Bad gateway</html>');
  expect(await asked((_, response) => response.writeHead(403).end())).toBe('HTTP 403');
});

it('does not wait for ever', async () => {
  expect(await asked(() => undefined, { answerWithin: 200 })).toBe('The operation was aborted due to timeout');
});
