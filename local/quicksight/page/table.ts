/// <reference lib="dom" />
import type { VisualData } from '../load.ts';
import type { DrawnVisual } from '../visuals.ts';
import { make } from './dom.ts';
import { cell } from './format.ts';

/** A visual's rows as a table, as it stands in the card. */
export function tableOf(visual: DrawnVisual, { columns, rows }: VisualData): HTMLTableElement {
  const kinds = visual.fields.map(({ measure }) => (measure ? 'number' : ''));
  const head = make('tr', {}, ...columns.map(({ label }, i) => make('th', { scope: 'col', className: kinds[i] }, label)));
  const body = rows.map((row) =>
    make('tr', {}, ...row.map((value, i) => make('td', { className: kinds[i] }, cell(value, visual.fields[i]?.decimals)))),
  );
  return make('table', {}, make('caption', { className: 'unseen' }, visual.title), make('thead', {}, head), make('tbody', {}, ...body));
}

/** A visual's rows as a file of comma-separated values. */
export function csvOf({ columns, rows }: VisualData): Blob {
  const quoted = (value: unknown) => {
    const text = String(value ?? '');
    // A leading sign would make a formula of it in a spreadsheet.
    const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const lines = [columns.map(({ label }) => label), ...rows].map((line) => line.map(quoted).join(','));
  return new Blob([`${lines.join('\n')}\n`], { type: 'text/csv' });
}
