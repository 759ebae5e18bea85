import type { VerbResult } from './index.ts';
import { takeDown } from './pipeline.ts';
import { progressOn } from './progress.ts';
import { session } from './session.ts';

/** Takes everything down; quiet when nothing is there. What is left is named, and is not as it should be. */
export async function down(): Promise<VerbResult> {
  const { client, pipeline } = await session();
  const progress = progressOn(process.stderr);
  progress.now(`taking pipeline ${pipeline.name} down`);
  try {
    const { left } = await takeDown(client, pipeline);
    const words =
      left.length === 0
        ? `pipeline ${pipeline.name} is down; nothing left`
        : `pipeline ${pipeline.name} is down, but these are left:\n  ${left.join('\n  ')}`;
    return { ok: left.length === 0, facts: { left }, words };
  } finally {
    progress.end();
  }
}
