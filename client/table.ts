import Table from 'cli-table3';

const UNKNOWN_WIDTH = 80;
const NARROWEST = 8;
const PADDING = 2;

/** A table for people: a line under the head, none between rows; cells that would make it wider than the terminal are wrapped, and lose nothing. */
export function tableOf(head: string[], rows: (string | null)[][], width = process.stdout.columns || UNKNOWN_WIDTH): string {
  const cells = rows.map((row) => row.map((value) => value ?? ''));
  const natural = draw(head, cells);
  const widths = natural
    .split('\n', 1)
    .join('')
    .slice(1, -1)
    .split('┬')
    .map((line) => line.length);
  const most = widest(widths, width - widths.length - 1);
  return Math.max(...widths) <= most
    ? natural
    : draw(
        head.map((text) => broken(text, most)),
        cells.map((row) => row.map((text) => broken(text, most))),
        widths.map((each) => Math.min(each, most)),
      );
}

/** Head and rows without the columns of these names in which nothing but zeros stands: what did not happen takes no room. */
export function telling(head: string[], rows: string[][], optional: readonly string[]): [head: string[], rows: string[][]] {
  const isShown = head.map((name, i) => !optional.includes(name) || rows.some((row) => row[i] !== '0'));
  const shown = (row: string[]) => row.filter((_, i) => isShown[i]);
  return [shown(head), rows.map(shown)];
}

function draw(head: string[], rows: string[][], colWidths: number[] = []): string {
  const table = new Table({ head, colWidths, wordWrap: true, style: { head: [], border: [] } });
  table.push(...rows);
  const lines = table.toString().split('\n');
  const underHead = lines.findIndex((line) => line.startsWith('├'));
  return lines.filter((line, i) => i <= underHead || !line.startsWith('├')).join('\n');
}

/** The width to which the wide columns must shrink for all of them to fit into `room`. */
function widest(widths: number[], room: number): number {
  let most = Math.max(...widths);
  while (most > NARROWEST && widths.reduce((sum, each) => sum + Math.min(each, most), 0) > room) most--;
  return most;
}

/** Words too long for a column, in pieces that fit: the table would cut them off. */
const broken = (text: string, most: number): string => text.replace(new RegExp(`\\S{${most - PADDING}}(?=\\S)`, 'gu'), '$&\n');
