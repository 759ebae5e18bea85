/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { BarChart, LineChart } from 'echarts/charts';
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from 'echarts/components';
import { type ECharts, init, use } from 'echarts/core';
import { LabelLayout } from 'echarts/features';
import { SVGRenderer } from 'echarts/renderers';
import type { VisualData } from '../load.ts';
import type { DashboardView, PlacedVisual } from '../view.ts';
import { chartOption, seriesOf, summary } from './chart.ts';
import { make } from './dom.ts';
import { clock, number } from './format.ts';
import { figureOf } from './kpi.ts';
import { colorBook, currentTheme } from './palette.ts';
import { csvOf, tableOf } from './table.ts';

use([LineChart, BarChart, GridComponent, TooltipComponent, LegendComponent, AriaComponent, LabelLayout, SVGRenderer]);

/** One visual on the page. */
export interface Card {
  element: HTMLElement;
  /** Shows new data; what is unchanged is not drawn again. `awaited` says what an empty visual waits for, `unfiltered` which choices do not reach it. */
  show(data: VisualData, notes: { awaited: string; unfiltered: string[] }): void;
  /** Draws again: the size or the colours have changed. */
  redraw(): void;
  close(): void;
}

/** Makes the card of a visual. `inspect` opens its query. */
export function cardOf(visual: PlacedVisual, colors: DashboardView['colors'], inspect: (data: VisualData) => void): Card {
  const titleId = `title-${visual.visualId}`;
  const note = make('p', { className: 'note' });
  const body = make('div', { className: 'body' });
  const drawn = visual.kind === 'line' || visual.kind === 'bar';
  const toggle = make('button', { type: 'button', className: 'quiet', 'aria-pressed': 'false' }, 'Table');
  const query = make('button', { type: 'button', className: 'quiet' }, 'Query');
  const save = make('button', { type: 'button', className: 'quiet' }, 'CSV');
  const tools = make(
    'div',
    { className: 'tools', role: 'group', 'aria-label': `${visual.title}: more` },
    ...(drawn ? [toggle] : []),
    query,
    save,
  );
  const heading = make(
    'div',
    { className: 'heading' },
    make('h2', { id: titleId }, visual.title),
    make('p', { className: 'subtitle' }, visual.subtitle ?? ''),
  );
  const element = make(
    'section',
    { className: `card ${visual.kind}`, id: `visual-${visual.visualId}`, 'aria-labelledby': titleId, 'data-visual': visual.visualId },
    make('div', { className: 'card-head' }, heading, tools),
    body,
    note,
  );
  place(element, visual);

  const book = colorBook();
  let chart: ECharts | undefined;
  let latest: { data: VisualData; awaited: string } | undefined;
  let shownRows = '';
  let asTable = false;

  const clear = () => {
    chart?.dispose();
    chart = undefined;
    body.replaceChildren();
  };

  const draw = () => {
    if (!latest) return;
    const { data, awaited } = latest;
    if (visual.kind === 'other') return;
    if (data.error || data.rows.length === 0) {
      clear();
      body.append(
        make('p', { className: data.error ? 'message error' : 'message' }, data.error ? `This could not be asked: ${data.error}` : awaited),
      );
      return;
    }
    if (visual.kind === 'kpi') return body.replaceChildren(figureOf(visual, data));
    if (visual.kind === 'table' || asTable) {
      const scrolled = body.querySelector('.scroll')?.scrollTop ?? 0;
      clear();
      const scroll = make(
        'div',
        { className: 'scroll', tabIndex: 0, role: 'region', 'aria-label': `${visual.title}, table` },
        tableOf(visual, data),
      );
      body.append(scroll);
      scroll.scrollTop = scrolled;
      return;
    }
    if (!chart) {
      clear();
      const canvas = make('div', { className: 'chart', role: 'img' });
      if (visual.valueLabel) body.append(make('p', { className: 'axis-name', 'aria-hidden': 'true' }, visual.valueLabel));
      body.append(canvas);
      chart = init(canvas, undefined, { renderer: 'svg' });
    }
    const series = seriesOf(visual, data);
    const theme = currentTheme();
    const fixed = colors[visual.fields.find(({ role }) => role === 'color')?.column ?? ''] ?? visual.colors;
    const assigned = book(
      series.map(({ key }) => key),
      fixed,
      theme.palette,
    );
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const patterns = matchMedia('(prefers-contrast: more), (forced-colors: active)').matches;
    chart.setOption(chartOption(visual, series, assigned, theme, { still, patterns, width: chart.getWidth() }), {
      replaceMerge: ['series'],
    });
    chart.getDom().setAttribute('aria-label', summary(visual, series));
  };

  toggle.addEventListener('click', () => {
    asTable = !asTable;
    toggle.setAttribute('aria-pressed', String(asTable));
    toggle.textContent = asTable ? 'Chart' : 'Table';
    clear();
    draw();
  });
  query.addEventListener('click', () => latest && inspect(latest.data));
  save.addEventListener('click', () => {
    if (!latest) return;
    const href = URL.createObjectURL(csvOf(latest.data));
    make('a', { href, download: `${visual.visualId}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
  });

  const sizes = new ResizeObserver(() => {
    if (!chart) return;
    chart.resize();
    draw();
  });
  sizes.observe(body);
  return {
    element,
    show: (data, { awaited, unfiltered }) => {
      latest = { data, awaited };
      note.textContent = noteOf(visual, data, unfiltered);
      note.hidden = note.textContent === '';
      element.dataset.rows = String(data.rows.length);
      const rows = JSON.stringify([data.rows, data.error, data.rows.length === 0 && awaited]);
      if (rows === shownRows) return;
      shownRows = rows;
      draw();
    },
    redraw: () => {
      if (!asTable) clear();
      draw();
    },
    close: () => {
      sizes.disconnect();
      clear();
    },
  };
}

/** Where the data comes from, and what to know of it. */
function noteOf({ kind }: PlacedVisual, { importMode, loaded, rows, truncated, milliseconds }: VisualData, unfiltered: string[]): string {
  const from =
    importMode === 'SPICE'
      ? `SPICE${loaded ? `, loaded ${loaded.slice(0, 10)} ${clock(loaded)} UTC` : ''}`
      : `Athena, ${number(milliseconds)} ms`;
  const parts = kind === 'kpi' ? [] : [from];
  if (truncated && kind === 'line') parts.push(`only the first ${number(new Set(rows.map(([at]) => at)).size)} points of more are shown`);
  else if (truncated && kind !== 'kpi') parts.push(`only ${number(rows.length)} rows of more are shown`);
  if (unfiltered.length > 0) parts.push(`not filtered by ${unfiltered.join(', ')}`);
  return parts.join(' · ');
}

function place(element: HTMLElement, { place: at, kind }: PlacedVisual): void {
  const { columns = 18, rows = kind === 'kpi' ? 4 : 11, column, row } = at ?? {};
  element.style.gridColumn = column === undefined ? `span ${columns}` : `${column + 1} / span ${columns}`;
  element.style.gridRow = row === undefined ? `span ${rows}` : `${row + 1} / span ${rows}`;
  if (kind === 'other') element.append(make('p', { className: 'message' }, 'Visuals of this kind are drawn by QuickSight only.'));
}
