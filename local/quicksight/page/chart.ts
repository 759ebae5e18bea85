import type { EChartsCoreOption } from 'echarts/core';
import type { Cell, VisualData } from '../load.ts';
import type { DrawnVisual, Field } from '../visuals.ts';
import { cell, clock, number } from './format.ts';
import type { Theme } from './palette.ts';

/** Series of a chart: one for each value and colour, with a point for each category. */
export interface Series {
  name: string;
  /** What it is coloured by: a value of the colour field, else its own name. */
  key: string;
  decimals?: number;
  points: [Cell, number | null][];
}

/** Turns rows into series: by the value of the colour field if there is one, else by measure. */
export function seriesOf(visual: DrawnVisual, { rows }: Pick<VisualData, 'rows'>): Series[] {
  const category = visual.fields.findIndex(({ role }) => role === 'category' || role === 'trend');
  const color = visual.fields.findIndex(({ role }) => role === 'color');
  const measures = visual.fields.map((field, i) => [field, i] as const).filter(([{ measure }]) => measure);
  const series = new Map<string, Series>();
  for (const row of rows) {
    for (const [field, i] of measures) {
      const key = color < 0 ? field.label : String(row[color] ?? '–');
      const name = color >= 0 && measures.length > 1 ? `${key}, ${field.label}` : key;
      const into = series.get(name) ?? { name, key, decimals: field.decimals, points: [] };
      into.points.push([row[category] ?? null, row[i] === null ? null : Number(row[i])]);
      series.set(name, into);
    }
  }
  const byName = new Intl.Collator('en', { numeric: true }).compare;
  return color < 0 ? [...series.values()] : [...series.values()].sort((a, b) => byName(a.name, b.name));
}

/** The field of the first measure, for labels and decimals. */
export const mainMeasure = (visual: DrawnVisual): Field | undefined => visual.fields.find(({ measure }) => measure);

/** Beyond this many points a line goes without its dots. */
const DOTS = 40;
const DIRECT_LABELS = 8;

/** What ECharts is told to draw of a line or bar chart. `still` leaves out all movement, `patterns` adds them to the colours; `width` is the canvas's, in pixels. */
export function chartOption(
  visual: DrawnVisual,
  series: Series[],
  colors: Map<string, string>,
  theme: Theme,
  { still, patterns, width }: { still: boolean; patterns: boolean; width: number },
): EChartsCoreOption {
  const text = { color: theme.faint, fontSize: 12, fontFamily: theme.font };
  const rule = { lineStyle: { color: theme.line } };
  const measure = mainMeasure(visual);
  const value = {
    type: 'value' as const,
    axisLabel: text,
    splitLine: rule,
    minInterval: measure?.decimals ? 0 : 1,
  };
  const isTime = visual.kind === 'line' && visual.fields.some(({ role, granularity }) => role === 'category' && granularity);
  const categories = [...new Set(series.flatMap(({ points }) => points.map(([at]) => cell(at))))];
  const category = isTime
    ? {
        type: 'time' as const,
        axisLabel: { ...text, hideOverlap: true, formatter: axisTime },
        axisLine: rule,
        axisTick: { show: false },
        splitLine: { show: false },
      }
    : {
        type: 'category' as const,
        data: categories,
        axisLabel: text,
        axisLine: rule,
        axisTick: { show: false },
        inverse: visual.horizontal,
      };
  const direct = visual.kind === 'line' && series.length > 1 && series.length <= DIRECT_LABELS;
  const legend = series.length > 1 && !direct;
  const margin = direct ? 28 + 7 * Math.max(...series.map(({ name }) => name.length)) : 16;
  return {
    useUTC: true,
    animation: !still,
    animationDuration: 300,
    animationDurationUpdate: 300,
    textStyle: { fontFamily: theme.font },
    aria: { enabled: patterns, label: { enabled: false }, decal: { show: patterns } },
    grid: {
      left: 8,
      right: margin,
      top: legend ? 32 : 10,
      bottom: 8,
      outerBoundsMode: 'same',
      outerBoundsContain: 'axisLabel',
    },
    legend: {
      show: legend,
      type: 'scroll',
      top: 0,
      right: 0,
      icon: 'roundRect',
      itemWidth: 12,
      itemHeight: 12,
      textStyle: { ...text, color: theme.text },
    },
    tooltip: {
      trigger: 'axis',
      axisPointer: { type: visual.kind === 'bar' ? 'shadow' : 'line', lineStyle: { color: theme.faint } },
      backgroundColor: theme.ground,
      borderColor: theme.line,
      textStyle: { color: theme.text, fontSize: 12, fontFamily: theme.font },
      confine: true,
      order: isTime ? 'valueDesc' : 'seriesAsc',
      valueFormatter: (shown: unknown) => (typeof shown === 'number' ? number(shown, measure?.decimals) : '–'),
    },
    xAxis: visual.horizontal ? value : category,
    yAxis: visual.horizontal ? category : value,
    series: series.map(({ name, key, points }) => {
      const color = colors.get(key);
      const data = isTime ? points.map(([at, y]) => [at, y]) : inOrder(points, categories);
      if (visual.kind === 'bar')
        return {
          type: 'bar',
          id: name,
          name,
          data,
          color,
          barMaxWidth: 28,
          stack: visual.stacked ? 'all' : undefined,
          itemStyle: { borderRadius: 2 },
        };
      return {
        type: 'line',
        id: name,
        name,
        data,
        color,
        showSymbol: points.length <= DOTS,
        symbol: 'circle',
        symbolSize: 5,
        sampling: 'lttb',
        lineStyle: { width: 2 },
        areaStyle: visual.area ? { opacity: 0.15 } : undefined,
        stack: visual.stacked ? 'all' : undefined,
        endLabel: {
          show: direct,
          formatter: '{dot|●} {a}',
          rich: { dot: { color, fontSize: 9 } },
          color: theme.text,
          fontSize: 12,
          lineHeight: 16,
          fontFamily: theme.font,
          distance: 6,
        },
        // In one column, also for a line that ends early.
        labelLayout: { x: width - margin + 8, moveOverlap: 'shiftY' },
        emphasis: { focus: 'series' },
      };
    }),
  };
}

/** One sentence for those who do not see the chart. */
export function summary(visual: DrawnVisual, series: Series[]): string {
  const points = Math.max(0, ...series.map((each) => each.points.length));
  const said = series.slice(0, 8).map(({ name, decimals, points: own }) => {
    const [at, last] = own.at(-1) ?? [null, null];
    if (visual.kind === 'line') return `${name} ${cell(last, decimals)}`;
    const [most, highest] = own.reduce((best, each) => ((each[1] ?? 0) > (best[1] ?? 0) ? each : best), own[0] ?? [at, last]);
    return `${name}: most ${cell(most)} with ${cell(highest, decimals)}`;
  });
  const kind = visual.kind === 'line' ? `Line chart, ${series.length} lines, ${points} points, latest` : `Bar chart, ${points} bars`;
  return `${visual.title}. ${kind}: ${said.join('; ')}.`;
}

/** Midnight shows the day, other times the hour and minute, and seconds where these matter. */
function axisTime(time: number): string {
  const iso = new Date(time).toISOString();
  return iso.slice(11, 19) === '00:00:00' ? iso.slice(5, 10) : clock(iso);
}

function inOrder(points: Series['points'], categories: string[]): (number | null)[] {
  const values = new Map(points.map(([at, value]) => [cell(at), value]));
  return categories.map((category) => values.get(category) ?? null);
}
