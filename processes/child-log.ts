import type { ChildProcess } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';

const SECRET = /(AWS_SECRET_ACCESS_KEY=).*/;
const ROTATE_BYTES = 10 * 1024 * 1024;

/**
 * Appends each line that a child writes, on either stream, to its log file and hands it to `hear`; resolves when both streams have ended and all is written.
 * A file over 10 MB is first set aside as `<file>.1`. A log that cannot be written is told once through `hear`, and does not stop the child. A secret key
 * that a child prints for us is not written.
 */
export async function keepLog({ stdout, stderr }: ChildProcess, logFile: string, hear: (line: string) => void): Promise<void> {
  const file = openLog(logFile);
  const written = finished(file).catch((error: Error) => hear(`cannot write ${logFile}: ${error.message}`));
  const streams = [stdout, stderr].filter((stream): stream is Readable => stream !== null);
  await Promise.all(
    streams.map(async (stream) => {
      const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
      lines.on('line', (line) => {
        if (file.writable) file.write(`${line.replace(SECRET, '$1(not logged)')}\n`);
        hear(line);
      });
      await new Promise<void>((resolve) => lines.once('close', resolve));
    }),
  );
  file.end();
  await written;
}

function openLog(logFile: string) {
  mkdirSync(dirname(logFile), { recursive: true });
  if (existsSync(logFile) && statSync(logFile).size > ROTATE_BYTES) renameSync(logFile, `${logFile}.1`);
  return createWriteStream(logFile, { flags: 'a' });
}
