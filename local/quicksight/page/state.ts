/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

/** What the viewer has chosen, as it stands in the page's address: `f.<filter>` and `p.<parameter>`, `range` (minutes back from now) and `sheet`. */
export type State = Record<string, string[]>;

/** The state in the address bar. */
export function readState(): State {
  const state: State = {};
  for (const [key, value] of new URLSearchParams(location.search))
    if (/^(f\.|p\.|range$|sheet$)/.test(key)) state[key] = [...(state[key] ?? []), value];
  return state;
}

/** The state with one key changed; an empty list takes the key out. */
export function withChoice(state: State, key: string, values: string[]): State {
  const { [key]: _, ...rest } = state;
  return values.length === 0 ? rest : { ...rest, [key]: values };
}

/** Puts the state into the address bar, as a step to go back from. */
export function writeState(state: State): void {
  history.pushState(null, '', `${location.pathname}${query(state)}`);
}

/** What the server is to be asked: a range back from now becomes its two moments. */
export function dataQuery(state: State, range: { from: string; to: string } | undefined, now: number): string {
  const { range: back, sheet: _, ...asked } = state;
  const minutes = Number(back?.[0]);
  if (range && minutes > 0) asked[range.from] = [new Date(now - minutes * 60_000).toISOString()];
  return query(asked);
}

function query(state: State): string {
  const search = new URLSearchParams(Object.entries(state).flatMap(([key, values]) => values.map((value) => [key, value])));
  return search.size > 0 ? `?${search}` : '';
}
