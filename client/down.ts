import type { VerbResult } from './index.ts';
import { takeDown } from './pipeline.ts';
import { progressOn } from './progress.ts';
import { session } from './session.ts';

/** Takes everything down, or all but the data; quiet when nothing is there. What is left is named, and is not as it should be. */
export async function down({ keepData = false }: { keepData?: boolean }): Promise<VerbResult> {
  const { client, pipeline } = await session();
  const progress = progressOn(process.stderr);
  progress.now(`taking pipeline ${pipeline.name} down`);
  try {
    const { left } = await takeDown(client, pipeline, keepData);
    const kept = keepData ? ', its data is kept' : '';
    const words =
      left.length === 0
        ? `pipeline ${pipeline.name} is down${kept}; nothing${keepData ? ' else' : ''} left`
        : [`pipeline ${pipeline.name} is down${kept}, but these are left:`, ...left.map(({ label, why }) => `  ${label}: ${why}`)].join(
            '\n',
          );
    return { ok: left.length === 0, facts: { left }, words };
  } finally {
    progress.end();
  }
}
