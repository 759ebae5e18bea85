import { sumOf } from '../pipeline/standing-cost.ts';
import { stillOf } from './inventory.ts';
import { leftInTemporal, leftLines, unsavedLines } from './left.ts';
import { requestTeardown } from './pipeline.ts';
import { progressOn } from './progress.ts';
import { session } from './session.ts';
import type { VerbResult } from './verb.ts';

/** Takes everything down, or all but the data; quiet when nothing is there. What is left is named with why and its cost, or that it is Temporal's, and is not as it should be; nor is what did not come into the lake. */
export async function down({ keepData = false }: { keepData?: boolean }): Promise<VerbResult> {
  const { client, pipeline } = await session();
  const progress = progressOn(process.stderr);
  progress.now(`taking pipeline ${pipeline.name} down`);
  try {
    const found = await requestTeardown(client, pipeline, keepData);
    const { left, unseen = [], unsaved = [] } = found;
    const inTemporal = left.length === 0 ? await stillOf(client, pipeline.name) : [];
    const isEmpty = left.length + inTemporal.length === 0;
    const kept = keepData ? ', its data is kept' : '';
    const end = isEmpty ? `; nothing${keepData ? ' else' : ''} left` : ', but these are left:';
    const words = [
      `pipeline ${pipeline.name} is down${kept}${end}`,
      ...leftLines(found, pipeline.target),
      ...leftInTemporal(inTemporal, keepData),
      ...unsavedLines(found),
      ...unseen.map((line) => `not looked at: ${line}`),
    ];
    const perHour = left.length === 0 ? {} : { perHour: sumOf(left.map(({ costs }) => costs)) };
    return { ok: isEmpty && unsaved.length === 0, facts: { ...found, ...perHour, inTemporal }, words: words.join('\n') };
  } finally {
    progress.end();
  }
}
