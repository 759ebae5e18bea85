/** A word, quoted name, string or sign of an SQL text; `at` is where it begins. Comments are left out. */
export interface Token {
  kind: 'word' | 'name' | 'string' | 'sign';
  text: string;
  at: number;
}

const PATTERN = /(--[^\n]*|\/\*[\s\S]*?\*\/|\s+)|([A-Za-z_][\w$]*)|"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|'((?:[^']|'')*)'|(\d+(?:\.\d+)?|.)/gsu;

/** Splits an SQL text into tokens. */
export function tokens(sql: string): Token[] {
  const found: Token[] = [];
  for (const match of sql.matchAll(PATTERN)) {
    const [, , word, quoted, ticked, string, sign] = match;
    const at = match.index;
    if (word !== undefined) found.push({ kind: 'word', text: word, at });
    else if (quoted !== undefined) found.push({ kind: 'name', text: quoted.replaceAll('""', '"'), at });
    else if (ticked !== undefined) found.push({ kind: 'name', text: ticked.replaceAll('``', '`'), at });
    else if (string !== undefined) found.push({ kind: 'string', text: string.replaceAll("''", "'"), at });
    else if (sign !== undefined) found.push({ kind: 'sign', text: sign, at });
  }
  return found;
}

/** Reads tokens one after the other; `fail` throws Athena's syntax error at the place reached. */
export interface TokenReader {
  /** Takes the words (any case) if they all come next. */
  take(...words: string[]): boolean;
  /** Takes them, or fails. */
  expect(...words: string[]): void;
  /** Takes a name: a word or a quoted name, in lower case. */
  name(): string;
  string(): string;
  /** The next token, not taken. */
  peek(): Token | undefined;
  next(): Token;
  /** Fails unless nothing but a `;` is left. */
  end(): void;
  fail(): never;
}

/** Reads `sql`; faults are thrown by way of `error`, which gets the message. */
export function reader(sql: string, error: (message: string) => Error): TokenReader {
  const all = tokens(sql);
  let at = 0;
  const fail = (): never => {
    const token = all[at];
    const before = sql.slice(0, token?.at ?? sql.length).split('\n');
    throw error(
      `FAILED: ParseException line ${before.length}:${before.at(-1)!.length} ${token ? `cannot recognize input near '${token.text}'` : 'mismatched input <EOF>'}`,
    );
  };
  const is = (word: string, ahead: number) => {
    const token = all[at + ahead];
    return token !== undefined && (token.kind === 'word' || token.kind === 'sign') && token.text.toUpperCase() === word;
  };
  const self: TokenReader = {
    take: (...words) => {
      if (!words.every(is)) return false;
      at += words.length;
      return true;
    },
    expect: (...words) => {
      if (!self.take(...words)) fail();
    },
    name: () => {
      const token = all[at];
      if (!token || (token.kind !== 'word' && token.kind !== 'name')) return fail();
      at++;
      return token.text.toLowerCase();
    },
    string: () => {
      const token = all[at];
      if (token?.kind !== 'string') return fail();
      at++;
      return token.text;
    },
    peek: () => all[at],
    next: () => all[at++] ?? fail(),
    end: () => {
      self.take(';');
      if (at < all.length) fail();
    },
    fail,
  };
  return self;
}
