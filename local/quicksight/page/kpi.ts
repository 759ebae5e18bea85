/// <reference lib="dom" />
import type { VisualData } from '../load.ts';
import type { DrawnVisual } from '../visuals.ts';
import { mainMeasure, seriesOf } from './chart.ts';
import { make } from './dom.ts';
import { clock, number } from './format.ts';

/** The figure of a KPI: of its newest period where it has a trend, with the change from the one before; else of everything. */
export function figureOf(visual: DrawnVisual, data: VisualData): HTMLElement {
  const [series] = seriesOf(visual, data);
  const [at, value] = series?.points.at(-1) ?? [null, null];
  const decimals = mainMeasure(visual)?.decimals;
  const figure = make('div', { className: 'figure' }, make('span', { className: 'value' }, value === null ? '–' : number(value, decimals)));
  if (!visual.fields.some(({ role }) => role === 'trend')) return figure;
  const before = series?.points.at(-2)?.[1];
  if (typeof at === 'string') figure.append(make('span', { className: 'when' }, `at ${clock(at)} UTC`));
  if (value !== null && before) {
    const change = (value - before) / before;
    const way = change > 0 ? '▲' : change < 0 ? '▼' : '■';
    const percent = `${number(Math.abs(change) * 100, 0)} %`;
    figure.append(
      make('span', { className: 'change', title: `from ${number(before, decimals)}` }, `${way} ${percent} from the one before`),
    );
  }
  if (visual.sparkline && series && series.points.length > 1) figure.append(sparkline(series.points.slice(-60).map(([, y]) => y ?? 0)));
  return figure;
}

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 240;
const HEIGHT = 56;

function sparkline(values: number[]): SVGSVGElement {
  const most = Math.max(...values, 1);
  const x = (i: number) => ((i / (values.length - 1)) * WIDTH).toFixed(1);
  const y = (value: number) => (HEIGHT - 3 - (value / most) * (HEIGHT - 8)).toFixed(1);
  const line = values.map((value, i) => `${i === 0 ? 'M' : 'L'}${x(i)} ${y(value)}`).join('');
  const svg = document.createElementNS(SVG, 'svg');
  for (const [name, value] of Object.entries({
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    class: 'sparkline',
    preserveAspectRatio: 'none',
    'aria-hidden': 'true',
  }))
    svg.setAttribute(name, value);
  for (const [kind, d] of [
    ['area', `${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`],
    ['line', line],
  ] as const) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', d);
    path.setAttribute('class', kind);
    svg.append(path);
  }
  return svg;
}
