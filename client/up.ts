import type { VerbResult } from './index.ts';
import { startPipeline } from './pipeline.ts';
import { Plain } from './plain.ts';
import { progressOn } from './progress.ts';
import { session } from './session.ts';
import { watchUp } from './watch.ts';

/** Brings the pipeline up and waits until it runs. */
export async function up(): Promise<VerbResult> {
  const { client, pipeline } = await session();
  const began = Date.now();
  const { was, ignored } = await startPipeline(client, pipeline);
  const progress = progressOn(process.stderr);
  if (ignored.length > 0)
    progress.line(`it was started with another ${ignored.join(', ')}; to change that take it down first: npx d2d down`);
  try {
    const picture = await watchUp(client, pipeline.name, progress, (reason) => {
      throw new Plain(reason);
    });
    const seconds = Math.round((Date.now() - began) / 100) / 10;
    const words = was ? `pipeline ${pipeline.name} was up already` : `pipeline ${pipeline.name} is up after ${seconds} s`;
    return { ok: true, facts: { ...picture, seconds, was, ignored }, words };
  } finally {
    progress.end();
  }
}
