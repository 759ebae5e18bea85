/** Resolves once a stream has given its text away: what waits in a pipe would be lost when the process exits. Nothing more is owed to a reader who has gone. */
export const written = (stream: NodeJS.WriteStream, text: string): Promise<void> =>
  new Promise((resolve) => {
    stream.once('error', () => resolve());
    stream.write(text, () => resolve());
  });

/** Has the process go on when whoever reads what it says has gone, as behind `| head` or in a terminal that was closed: what it has begun it also ends. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
    });
}
