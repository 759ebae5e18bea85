import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createServer } from 'node:tls';
import { exitWithParent } from '../../processes/children.ts';

// tls.ts PORT PFX PASSWORD: TLS in front of what listens at PORT of this machine, by the certificate in the file; prints its own port.
const [port = '', pfx = '', passphrase = ''] = process.argv.slice(2);
const server = createServer({ pfx: readFileSync(pfx), passphrase, ALPNProtocols: ['h2', 'http/1.1'] }, (outer) => {
  const inner = connect(Number(port), '127.0.0.1');
  outer.setNoDelay(true);
  inner.setNoDelay(true);
  outer.pipe(inner).pipe(outer);
  outer.on('error', () => inner.destroy());
  inner.on('error', () => outer.destroy());
});
exitWithParent(() => undefined);
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as { port: number }).port}\n`));
