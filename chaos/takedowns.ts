import { setTimeout as delay } from 'node:timers/promises';
import { inAccount, picture, startPipeline, takeDown } from '../client/pipeline.ts';
import { parseSpec } from '../pipeline/spec.ts';
import { type Ground, lived, type Run, specOf } from './ground.ts';
import { randomBy } from './random.ts';

/** From the first create to well after the last refresh. */
const LIFE_MS = 40_000;

/** Takes a pipeline down at a random moment of its life: half made, crawled, with Flink running, its bucket filling, refreshes under way. */
export function takedownRun(on: Ground, number: number, seed: number): Promise<Run> {
  const random = randomBy(seed * 1_000_003 + number);
  const written = specOf(number, random);
  return lived(on, written.name, async (run) => {
    const pipeline = await inAccount(parseSpec(written), on.target);
    await startPipeline(on.client, { pipeline });
    const after = Math.round(random() * LIFE_MS);
    await delay(after);
    const now = await picture(on.client, pipeline.name);
    const ready = Object.values(now?.pipeline.stages ?? {}).filter((state) => state === 'ready').length;
    run.blows.push(
      `taken down after ${after} ms: ${now?.pipeline.state}, ${ready} stages ready, notebook ${now?.notebook?.state ?? 'not begun'}`,
    );
    run.leftovers = (await takeDown(on.client, pipeline)).left.length;
  });
}
