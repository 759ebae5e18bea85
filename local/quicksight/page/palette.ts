/// <reference lib="dom" />

/** Told apart by all kinds of colour vision (Okabe and Ito), in an order that keeps neighbours apart; two sets for two grounds. */
const LIGHT = ['#0072B2', '#E69F00', '#009E73', '#CC79A7', '#56B4E9', '#D55E00', '#7A5195', '#6B7280'];
const DARK = ['#4BA3E3', '#F0B429', '#2BC79A', '#E29BC2', '#8FD0F5', '#F0834D', '#B39DDB', '#9CA3AF'];

/** The colours a chart draws with. */
export interface Theme {
  palette: string[];
  text: string;
  faint: string;
  line: string;
  ground: string;
  /** A font family; text is measured with it, so it must be a real one. */
  font: string;
}

/** The colours of the moment: the page's own for text and lines, and the palette for its ground. */
export function currentTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const variable = (name: string) => style.getPropertyValue(name).trim();
  return {
    palette: matchMedia('(prefers-color-scheme: dark)').matches ? DARK : LIGHT,
    text: variable('--text'),
    faint: variable('--faint'),
    line: variable('--line'),
    ground: variable('--card'),
    font: style.fontFamily,
  };
}

/** Gives names colours that stay theirs: a name keeps its colour while it is shown, whatever its rank. */
export function colorBook(): (names: string[], fixed: Record<string, string>, palette: string[]) => Map<string, string> {
  let places = new Map<string, number>();
  return (names, fixed, palette) => {
    const kept = new Map([...places].filter(([name]) => names.includes(name)));
    for (const name of names) {
      if (kept.has(name) || fixed[name]) continue;
      const taken = new Set(kept.values());
      let place = 0;
      while (taken.has(place)) place++;
      kept.set(name, place);
    }
    places = kept;
    return new Map(names.map((name) => [name, fixed[name] ?? palette[(kept.get(name) ?? 0) % palette.length]!]));
  };
}
