/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import type { DashboardData, VisualData } from '../load.ts';
import type { DashboardView } from '../view.ts';
import { type Card, cardOf } from './card.ts';
import { buildControls, type Controls } from './controls.ts';
import { byId, make } from './dom.ts';
import { number, span } from './format.ts';
import { dataQuery, readState, type State, withChoice, writeState } from './state.ts';

const EVERY_MS = 5_000;
/** The next look waits at least this many times as long as the last one took, so that watching stays cheap. */
const EASE = 4;
const LONGEST_MS = 20_000;
/** The lists of the controls are asked for again with every so many looks. */
const LISTS_EVERY = 12;

const base = location.pathname.replace(/\/$/, '');
let view: DashboardView;
let sheet: DashboardView['sheets'][number];
let state: State = readState();
let controls: Controls;
let cards = new Map<string, Card>();
let looks = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let asking: AbortController | undefined;
let isPaused = false;

/** Asks for the data of the state as it is now. A newer question takes the place of one under way: the last one wins. */
async function look(): Promise<void> {
  clearTimeout(timer);
  asking?.abort();
  const mine = new AbortController();
  asking = mine;
  const begin = performance.now();
  document.body.dataset.asking = 'true';
  try {
    if (looks++ % LISTS_EVERY === 0)
      void get<Record<string, string[]>>('/values', mine.signal).then((values) => controls.offer(values), ignoreAbort);
    const data = await get<DashboardData>(`/data${dataQuery(state, sheet.ranges[0], Date.now())}`, mine.signal);
    if (asking !== mine) return;
    show(data);
    trouble(undefined);
  } catch (error) {
    if (asking !== mine || (error as Error).name === 'AbortError') return;
    trouble((error as Error).message);
  }
  asking = undefined;
  delete document.body.dataset.asking;
  if (!isPaused && !document.hidden) timer = setTimeout(look, Math.min(LONGEST_MS, Math.max(EVERY_MS, EASE * (performance.now() - begin))));
}

async function get<Answer>(path: string, signal?: AbortSignal): Promise<Answer> {
  const response = await fetch(base + path, { signal }).catch((error: Error) => {
    if (error.name === 'AbortError') throw error;
    throw new Error('The local AWS does not answer. It will be asked again.');
  });
  if (response.ok) return (await response.json()) as Answer;
  const text = await response.text();
  throw new Error(text.startsWith('{') ? ((JSON.parse(text) as { error?: string; message?: string }).error ?? text) : text);
}

function ignoreAbort(error: Error): void {
  if (error.name !== 'AbortError') trouble(error.message);
}

function show({ asOf, lagSeconds, visuals }: DashboardData): void {
  const fresh = byId('as-of');
  fresh.textContent = asOf ? `Data as of ${asOf.slice(0, 10)} ${asOf.slice(11, 19)} UTC, ${span(lagSeconds ?? 0)} behind` : 'No data yet';
  byId('status').dataset.state = asOf ? (isPaused ? 'paused' : 'live') : 'waiting';
  const isFiltered = Object.keys(state).some((key) => key !== 'sheet');
  for (const data of visuals) {
    const card = cards.get(data.visualId);
    if (card) card.show(data, { awaited: awaitedBy(data, asOf, isFiltered), unfiltered: unfiltered(data.visualId) });
  }
  document.body.dataset.looks = String(looks);
}

/** What a visual without rows says: what it waits for, or why it has none. */
function awaitedBy({ importMode, visualId }: VisualData, asOf: string | undefined, isFiltered: boolean): string {
  if (isFiltered && asOf) return 'Nothing matches these filters.';
  if (importMode === 'SPICE') return 'The last load found nothing. The next one comes on schedule.';
  const visual = sheet.visuals.find((each) => each.visualId === visualId);
  if (asOf && sheet.ranges.some(({ filter }) => visual?.controls.includes(filter)))
    return `Nothing in this range of time: the latest data is of ${asOf.slice(0, 10)} ${asOf.slice(11, 16)} UTC. Choose a longer one.`;
  if (asOf) return 'Nothing yet.';
  return 'Waiting for the first window of metrics: it closes, is delivered to the lake and crawled, and then shows here.';
}

/** The chosen filters that cannot reach a visual, because its data lack the column. */
function unfiltered(visualId: string): string[] {
  const visual = sheet.visuals.find((each) => each.visualId === visualId);
  return sheet.controls
    .filter(({ key }) => key.startsWith('f.') && state[key] && !visual?.controls.includes(key))
    .map(({ title }) => title);
}

function trouble(message: string | undefined): void {
  const line = byId('trouble');
  line.hidden = message === undefined;
  line.textContent = message ?? '';
  if (message !== undefined) byId('status').dataset.state = 'waiting';
}

/** Takes up a state, from a control (with a step in the history) or from the history itself. */
function take(next: State, isStep: boolean): void {
  state = next;
  if (isStep) writeState(state);
  if (openSheet()) return;
  controls.show(state);
  void look();
}

/** Lays out the sheet that the state names, if it is not there already. */
function openSheet(): boolean {
  const wanted = view.sheets.find(({ sheetId }) => sheetId === state.sheet?.[0]) ?? view.sheets[0]!;
  if (wanted === sheet) return false;
  sheet = wanted;
  for (const card of cards.values()) card.close();
  cards = new Map(sheet.visuals.map((visual) => [visual.visualId, cardOf(visual, view.colors, inspect)]));
  byId('visuals').replaceChildren(...[...cards.values()].map(({ element }) => element));
  for (const tab of byId('sheets').querySelectorAll('button'))
    tab.setAttribute('aria-current', String(tab.dataset.sheet === sheet.sheetId));
  controls = buildControls(byId<HTMLFormElement>('controls'), sheet.controls, sheet.ranges, (next) => take(next, true));
  controls.show(state);
  looks = 0;
  void look();
  return true;
}

function inspect({ title, sql, milliseconds, rows, dataSet, importMode }: VisualData): void {
  byId('inspect-title').textContent = title;
  const facts = {
    'Data set': `${dataSet} (${importMode === 'SPICE' ? 'SPICE' : 'direct query of Athena'})`,
    Rows: number(rows.length),
    Time: `${number(milliseconds)} ms`,
  };
  byId('inspect-facts').replaceChildren(
    ...Object.entries(facts).map(([term, fact]) => make('div', {}, make('dt', {}, term), make('dd', {}, fact))),
  );
  byId('inspect-query').textContent = sql ?? 'There is no query.';
  byId<HTMLDialogElement>('inspect').showModal();
}

async function begin(): Promise<void> {
  view = await get<DashboardView>('/view');
  document.title = view.name;
  byId('name').textContent = view.name;
  const tabs = byId('sheets');
  tabs.hidden = view.sheets.length < 2;
  for (const { sheetId, name } of view.sheets) {
    const tab = make('button', { type: 'button', 'data-sheet': sheetId }, name);
    tab.addEventListener('click', () => take(withChoice(state, 'sheet', [sheetId]), true));
    tabs.append(tab);
  }
  byId('inspect-close').addEventListener('click', () => byId<HTMLDialogElement>('inspect').close());
  byId('pause').addEventListener('click', () => {
    isPaused = !isPaused;
    byId('pause').setAttribute('aria-pressed', String(isPaused));
    byId('pause').textContent = isPaused ? 'Resume' : 'Pause';
    byId('status').dataset.state = isPaused ? 'paused' : 'live';
    if (isPaused) clearTimeout(timer);
    else void look();
  });
  addEventListener('popstate', () => take(readState(), false));
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) clearTimeout(timer);
    else if (!isPaused) void look();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const card of cards.values()) card.redraw();
  });
  openSheet();
}

begin().catch((error: Error) => {
  byId('as-of').textContent = 'Not loaded';
  trouble(error.message);
});
