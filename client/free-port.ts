import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** The preferred port if it is free on 127.0.0.1, else one that is; compare, and tell the user when it is another. */
export async function freePort(preferred: number): Promise<number> {
  try {
    return await bind(preferred);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
    return bind(0);
  }
}

async function bind(port: number): Promise<number> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: bound } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return bound;
}
