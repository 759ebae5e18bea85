import { cost, perHour, perMonth, type Running, total } from '../pipeline/cost.ts';
import { standing } from '../pipeline/stages.ts';
import { runningOf } from '../workflows/budget.ts';
import type { PipelineStatus } from '../workflows/messages.ts';

/** What a pipeline costs as it is now, US dollars an hour; on target `local` what it would cost on AWS. */
export function billing(picture: PipelineStatus): { perHour: number; onAws: number; words: string } {
  const { pipeline, stages, made } = picture;
  const running: Running = { ...runningOf(picture), stands: standing(stages, made) };
  const lines = cost(pipeline, running).filter((line) => line.perHour > 0);
  const onAws = total(lines);
  const dearest = lines
    .sort((a, b) => b.perHour - a.perHour)
    .slice(0, 3)
    .map((line) => `${line.what} $${line.perHour.toFixed(3)}`)
    .join(', ');
  const sum = `$${onAws.toFixed(2)} an hour, $${perMonth(onAws).toFixed(0)} a month${dearest && ` (most of it ${dearest})`}`;
  const words = pipeline.target === 'local' ? `Nothing is billed here; on AWS this would cost ${sum}.` : `Billed now: ${sum}.`;
  return { perHour: perHour(pipeline, running), onAws, words };
}
