import type { ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inAccount, startPipeline, takeDown } from '../client/pipeline.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { again, audited, d2d, type Ground, kill, lived, type Run, reached, specOf } from './ground.ts';
import { oneOf, randomBy } from './random.ts';

const PARTS = ['worker', 'local AWS', 'Temporal', 'client'] as const;
type Phase = 'up' | 'run' | 'apply' | 'down';

/** One life of a pipeline, with a part killed at a random moment of each of some phases: up, run, apply, down. */
export function killRun(on: Ground, number: number, seed: number): Promise<Run> {
  const random = randomBy(seed * 1_000_003 + number);
  const written = specOf(number, random);
  return lived(on, written.name, async (run) => {
    const nemesis = async (phase: Phase, withinMs: number, verb?: ChildProcess): Promise<void> => {
      const part = oneOf(PARTS, random);
      const after = random() * withinMs;
      if (random() < 0.5) return;
      await delay(after);
      run.blows.push(`${part} killed ${Math.round(after)} ms into ${phase}`);
      const pid = part === 'client' ? verb?.pid : on.parts.pids()[part];
      if (pid !== undefined) kill(pid);
    };
    const pipeline = await again(() => inAccount(parseSpec(written), on.target));
    await writeFile(join(on.state, 'data2dashboard.yaml'), JSON.stringify(written));
    const upVerb = d2d(on.state, 'up');
    await Promise.all([again(() => startPipeline(on.client, { pipeline })), nemesis('up', 8_000, upVerb)]);
    await Promise.all([reached(on.client, pipeline, ({ state }) => state === 'running'), nemesis('run', 6_000)]);
    Object.assign(run, await audited(on.client, pipeline));
    const changed: Pipeline = { ...pipeline, delivery: { seconds: 2, megabytes: 4 }, keep: { ...pipeline.keep, logDays: 30 } };
    await Promise.all([again(() => startPipeline(on.client, { pipeline: changed })), nemesis('apply', 3_000)]);
    await reached(on.client, changed, ({ state, pipeline: now }) => state === 'running' && now.delivery.seconds === 2);
    const [{ left }] = await Promise.all([again(() => takeDown(on.client, changed)), nemesis('down', 3_000)]);
    upVerb.kill('SIGKILL');
    run.leftovers = left.length;
  });
}
