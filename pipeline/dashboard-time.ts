import type { Spec } from './spec.ts';
import { fillsMinutes, RANGES } from './windows.ts';

/** QuickSight draws so many points of time at most where lines have a colour field: the oldest ones, so a chart with more of them stands still. */
const MOST_POINTS = 200;

type Windows = Pick<Spec, 'windowSeconds'>;

/** The longest range of time, in minutes, that has no more points than a chart may have at a step of so many seconds; the minutes of both ends count in full. */
const longest = (stepSeconds: number): number => Math.floor(((MOST_POINTS - 1) * stepSeconds) / 60) - 1;

/** Ranges that people think in, in minutes, the longest being all that the live data sets have. */
const RANGES_MINUTES = [RANGES.recent * 60, 720, 360, 180, 60, 30, 15];

/** How far back the live visuals look unless a viewer says otherwise, in minutes: as far as their charts can show each window, and a quarter of an hour at least. */
export const liveMinutes = ({ windowSeconds }: Windows): number =>
  RANGES_MINUTES.find((minutes) => minutes <= longest(windowSeconds)) ?? RANGES_MINUTES.at(-1)!;

/**
 * A window's place on the time axis of the live charts, as an expression of QuickSight's: `Every` says the finest step, and the chosen range of time makes it as much
 * coarser as the points of a chart demand. The live data sets have a day, which by the hour always fits.
 */
export const timeOfWindow = ({ windowSeconds }: Windows): string => {
  const minutes = `dateDiff(\${From}, ifelse(\${To} < now(), \${To}, now()), 'MI')`;
  const byWindow = longest(windowSeconds);
  return [
    [`\${Every} = 'Day'`, 'DD'],
    [`\${Every} = 'Hour' OR ${minutes} > ${Math.max(byWindow, longest(60))}`, 'HH'],
    [`\${Every} = 'Minute' OR ${minutes} > ${byWindow}`, 'MI'],
  ].reduceRight((otherwise, [isSo, period]) => `ifelse(${isSo}, truncDate('${period}', {window_start}), ${otherwise})`, '{window_start}');
};

/** How long, in seconds, a history may go back by its finest step, a minute or else a window, and by the hour, until it has too many points. Longer ones are by the day. */
export const historySpans = ({ windowSeconds }: Windows): { fine: number; hourly: number } => ({
  fine: (MOST_POINTS - 1) * (fillsMinutes({ windowSeconds }) ? 60 : windowSeconds),
  hourly: (MOST_POINTS - 1) * 3_600,
});
