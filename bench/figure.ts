/** One figure. `ratio` is built so that higher is better; `goal` is what it must at least be. `peer` is null where no peer does the same job. */
export interface Figure {
  name: string;
  unit: string;
  ours: number;
  peer: number | null;
  ratio: number;
  goal: number;
  /** What else is worth knowing. */
  note?: string;
}

/** Rounded for people. */
export const round = (value: number, digits = 1): number => Number(value.toFixed(digits));

/** The same, never in our favour: a ratio just below its goal does not pass. */
export const roundDown = (value: number, digits: number): number => Math.floor(value * 10 ** digits) / 10 ** digits;

/** A figure against a fixed limit: the ratio is the limit over what was measured. */
export const limited = (name: string, unit: string, ours: number, limit: number, note?: string): Figure => ({
  name,
  unit,
  ours: round(ours, 2),
  peer: null,
  ratio: roundDown(limit / ours, 2),
  goal: 1,
  ...(note !== undefined && { note }),
});

/** A figure against a peer, where less is better. */
export const compared = (name: string, unit: string, ours: number, peer: number, goal: number, note?: string): Figure => ({
  name,
  unit,
  ours: round(ours, 2),
  peer: round(peer, 2),
  ratio: roundDown(peer / ours, 1),
  goal,
  ...(note !== undefined && { note }),
});

/**
 * How what each row came to compares to the least of the rows before it, of which it may be `limit` times as much: the row that compares worst. Rows grow. No figure
 * where there is nothing to compare.
 */
export function flat<Row>(name: string, rows: Row[], of: (row: Row) => number, limit: number, note?: string): Figure[] {
  const values = rows.map(of);
  const grown = values.slice(1).map((value, i) => value / Math.min(...values.slice(0, i + 1)));
  return grown.length === 0 ? [] : [limited(name, 'x', Math.max(...grown), limit, note)];
}

/** The value below which a share of all values lies. */
export function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

export const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
