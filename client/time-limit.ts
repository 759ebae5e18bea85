import { InvalidArgumentError } from 'commander';
import { type Duration, duration, milliseconds } from '../pipeline/duration.ts';

/** How long a start with `--once` may take unless it is told otherwise. */
export const ONCE_WITHIN: Duration = '15 minutes';

/** Node's timers take no more. */
const LONGEST: Duration = '24 days';

/** An option's value that limits a time: from 1 second to 24 days, as '15 minutes'. */
export function timeLimit(text: string): Duration {
  const { data, error } = duration('1 second').safeParse(text);
  if (data === undefined) throw new InvalidArgumentError(`${error?.issues[0]?.message}.`);
  if (milliseconds(data) > milliseconds(LONGEST)) throw new InvalidArgumentError(`must be at most ${LONGEST}.`);
  return data;
}

/** A signal that is aborted with `asked`, and once so much time has passed; without a limit, `asked` itself. */
export const within = (limit: Duration | undefined, asked: AbortSignal): AbortSignal =>
  limit === undefined ? asked : AbortSignal.any([asked, AbortSignal.timeout(milliseconds(limit))]);
