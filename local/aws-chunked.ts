import { awsError } from './aws.ts';

/** Takes the `aws-chunked` framing off a body (`<hex size>[;chunk-signature=…]\r\n<bytes>\r\n … 0\r\n<trailers>`), checking its form. */
export function decodeChunked(body: Buffer): { body: Buffer; trailers: Record<string, string> } {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16);
    if (lineEnd < 0 || Number.isNaN(size) || lineEnd + 2 + size > body.length)
      throw awsError('IncompleteBody', 'You did not provide the number of bytes specified by the chunk header.');
    if (size === 0) return { body: Buffer.concat(chunks), trailers: trailersIn(body.toString('latin1', lineEnd + 2)) };
    chunks.push(body.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

function trailersIn(text: string): Record<string, string> {
  const lines = text.split('\r\n').filter((line) => line.startsWith('x-amz-checksum-'));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
}
