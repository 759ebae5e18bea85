import Table from 'cli-table3';

/** A table for people: a line under the head, none between rows. */
export function tableOf(head: string[], rows: (string | null)[][]): string {
  const table = new Table({ head, style: { head: [], border: [] } });
  table.push(...rows.map((row) => row.map((value) => value ?? '')));
  const [top = '', names = '', line = '', ...body] = table.toString().split('\n');
  return [top, names, line, ...body.filter((text) => !text.startsWith('├'))].join('\n');
}
