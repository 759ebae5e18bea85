import { performance } from 'node:perf_hooks';
import { requestTeardown, startPipeline } from '../client/pipeline.ts';
import { parseSpec } from '../pipeline/spec.ts';
import { ACCOUNT } from './account.ts';
import { type Place, persistently, seen, smallGame } from './life.ts';
import { until } from './run.ts';

/** A machine on which Flink has not started by then is none for this. */
const PATIENCE_MS = 300_000;

/** Milliseconds from where the Studio application stands to where its SQL runs, on this machine as busy as it is: of a pipeline that comes up, and goes. */
export async function flinkTime(place: Place): Promise<number> {
  const pipeline = { ...parseSpec(smallGame('warm-up', 1, { local: { speed: 10 } })), account: ACCOUNT };
  const signal = AbortSignal.timeout(PATIENCE_MS);
  await startPipeline(place.client, { pipeline });
  await until(signal, async () => ((await seen(place, pipeline.name))?.pipeline.stages.studio === 'ready' ? true : undefined), 50);
  const began = performance.now();
  await until(signal, async () => ((await seen(place, pipeline.name))?.notebook?.state === 'running' ? true : undefined), 50);
  const took = performance.now() - began;
  await persistently(signal, () => requestTeardown(place.client, pipeline));
  return took;
}
