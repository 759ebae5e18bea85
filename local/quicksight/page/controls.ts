/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import type { Control, Range } from '../view.ts';
import { make } from './dom.ts';
import { type State, withChoice } from './state.ts';

/** The row of controls. */
export interface Controls {
  /** Shows what is chosen. */
  show(state: State): void;
  /** Takes up what the lists offer now. */
  offer(values: Record<string, string[]>): void;
}

const BACK = [5, 15, 60, 1440];

/** What a range offers: what it has unless chosen, other times back from now, and two moments. */
const backOptions = ({ back }: Range): [value: string, label: string][] => [
  ['', back === undefined ? 'As published' : backLabel(back)],
  ...BACK.filter((minutes) => minutes !== back).map((minutes): [string, string] => [String(minutes), backLabel(minutes)]),
  ['custom', 'From … to …'],
];

function backLabel(minutes: number): string {
  if (minutes < 60) return `Last ${minutes} minutes`;
  return minutes === 60 ? 'Last hour' : `Last ${minutes / 60} hours`;
}

/** Fills the form with the controls of a sheet; `change` hears each new state. */
export function buildControls(form: HTMLFormElement, controls: Control[], ranges: Range[], change: (state: State) => void): Controls {
  let state: State = {};
  const choose = (key: string, values: string[]) => change(withChoice(state, key, values));
  const [range] = ranges;
  const ends = range ? [range.from, range.to] : [];
  const parts: Controls[] = [];
  form.replaceChildren();
  form.addEventListener('submit', (event) => event.preventDefault());
  for (const control of controls) {
    if (control.key === ends[0])
      parts.push(
        rangeControl(
          form,
          controls.filter(({ key }) => ends.includes(key)),
          range!,
          () => state,
          change,
        ),
      );
    else if (ends.includes(control.key)) continue;
    else if (control.kind === 'list' && control.multiple) parts.push(listControl(form, control, choose));
    else parts.push(simpleControl(form, control, choose));
  }
  const reset = make('button', { type: 'button', className: 'quiet', id: 'reset' }, 'Clear filters');
  reset.addEventListener('click', () => change(state.sheet ? { sheet: state.sheet } : {}));
  form.append(reset);
  return {
    show: (now) => {
      state = now;
      reset.hidden = Object.keys(now).every((key) => key === 'sheet');
      for (const part of parts) part.show(now);
    },
    offer: (values) => {
      for (const part of parts) part.offer(values);
    },
  };
}

/** One of a few, a text, or a moment. */
function simpleControl(
  form: HTMLFormElement,
  { key, title, kind, values = [], initial }: Control,
  choose: (key: string, values: string[]) => void,
): Controls {
  const input =
    kind === 'list'
      ? make('select', {}, ...values.map((value) => make('option', { value }, value)))
      : make('input', { type: kind === 'date' ? 'datetime-local' : 'text' });
  input.id = `control-${key}`;
  input.addEventListener('change', () => choose(key, input.value === '' || input.value === initial ? [] : [input.value]));
  form.append(make('div', { className: 'control' }, make('label', { for: input.id }, title), input));
  return {
    show: (state) => {
      input.value = state[key]?.[0] ?? initial ?? '';
    },
    offer: () => undefined,
  };
}

/** Any number of many: a button that opens a list of boxes to tick, with a field to narrow it. */
function listControl(
  form: HTMLFormElement,
  { key, title, values = [] }: Control,
  choose: (key: string, values: string[]) => void,
): Controls {
  let offered = values;
  let chosen: string[] = [];
  const shown = make('span', { className: 'chosen' });
  const summary = make('summary', { 'aria-label': title }, shown);
  const search = make('input', { type: 'search', placeholder: `Find ${title.toLowerCase()}`, 'aria-label': `Find ${title.toLowerCase()}` });
  const list = make('div', { className: 'options', role: 'group', 'aria-label': title });
  const all = make('button', { type: 'button', className: 'quiet' }, 'All');
  const details = make(
    'details',
    { className: 'picker', id: `control-${key}` },
    summary,
    make('div', { className: 'panel' }, search, list, all),
  );
  const fill = () => {
    const wanted = search.value.toLowerCase();
    const names = [...new Set([...offered, ...chosen])].filter((name) => name.toLowerCase().includes(wanted));
    const focused =
      document.activeElement instanceof HTMLInputElement && list.contains(document.activeElement)
        ? document.activeElement.value
        : undefined;
    list.replaceChildren(
      ...names.map((value) => {
        const box = make('input', { type: 'checkbox', value, checked: chosen.includes(value) });
        box.addEventListener('change', () => choose(key, box.checked ? [...chosen, value] : chosen.filter((each) => each !== value)));
        return make('label', {}, box, value);
      }),
    );
    if (names.length === 0) list.append(make('p', {}, offered.length === 0 ? 'Nothing to choose yet.' : 'None of that name.'));
    if (focused !== undefined) [...list.querySelectorAll('input')].find(({ value }) => value === focused)?.focus();
  };
  search.addEventListener('input', fill);
  all.addEventListener('click', () => choose(key, []));
  details.addEventListener('toggle', () => details.open && search.focus());
  details.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !details.open) return;
    details.open = false;
    summary.focus();
  });
  document.addEventListener('pointerdown', (event) => {
    if (!details.contains(event.target as Node)) details.open = false;
  });
  form.append(make('div', { className: 'control' }, make('span', { className: 'label', 'aria-hidden': 'true' }, title), details));
  return {
    show: (state) => {
      chosen = state[key] ?? [];
      shown.textContent = chosen.length === 0 ? 'All' : chosen.length <= 2 ? chosen.join(', ') : `${chosen.length} chosen`;
      summary.setAttribute('aria-label', `${title}: ${shown.textContent}`);
      fill();
    },
    offer: (values) => {
      offered = values[key] ?? offered;
      fill();
    },
  };
}

/** A range of time: back from now, or between two moments. */
function rangeControl(
  form: HTMLFormElement,
  controls: Control[],
  range: Range,
  now: () => State,
  change: (state: State) => void,
): Controls {
  const { from, to } = range;
  let custom = false;
  const select = make('select', { id: 'control-range' }, ...backOptions(range).map(([value, label]) => make('option', { value }, label)));
  const inputs = controls.map(({ key, title }) => {
    const input = make('input', { type: 'datetime-local', id: `control-${key}`, 'aria-label': `${title}, UTC` });
    input.addEventListener('change', () =>
      change(withChoice(withChoice(now(), 'range', []), key, input.value === '' ? [] : [input.value])),
    );
    return { key, input };
  });
  const between = make('span', { className: 'between', hidden: true }, ...inputs.map(({ input }) => input));
  select.addEventListener('change', () => {
    custom = select.value === 'custom';
    const plain = withChoice(withChoice(withChoice(now(), 'range', []), from, []), to, []);
    change(custom || select.value === '' ? plain : withChoice(plain, 'range', [select.value]));
  });
  form.append(
    make(
      'div',
      { className: 'control' },
      make('label', { for: select.id }, 'Time (UTC)'),
      make('span', { className: 'row' }, select, between),
    ),
  );
  return {
    show: (state) => {
      const isBetween = state[from] !== undefined || state[to] !== undefined;
      custom = isBetween || (custom && state.range === undefined);
      select.value = custom ? 'custom' : (state.range?.[0] ?? '');
      between.hidden = !custom;
      for (const { key, input } of inputs) input.value = state[key]?.[0]?.slice(0, 16) ?? '';
    },
    offer: () => undefined,
  };
}
