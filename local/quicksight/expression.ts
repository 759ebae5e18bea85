import type { DashboardErrorType } from '@aws-sdk/client-quicksight';

/** A calculated field's expression, read. Column and field names are as written in braces or bare. */
export type Expression =
  | { kind: 'number'; value: number }
  | { kind: 'text'; value: string }
  | { kind: 'column'; name: string }
  | { kind: 'parameter'; name: string }
  | { kind: 'call'; name: string; args: Expression[] }
  | { kind: 'operation'; operator: string; args: Expression[] };

/** What is wrong with an expression, in words, and as which kind of fault QuickSight lists it. */
export class ExpressionError extends Error {
  constructor(
    message: string,
    readonly type: DashboardErrorType = 'INTERNAL_FAILURE',
  ) {
    super(message);
  }
}

/** Reads an expression of QuickSight's language; throws ExpressionError. */
export function parseExpression(text: string): Expression {
  const tokens = tokenise(text);
  let at = 0;
  const peek = () => tokens[at];
  const is = (...symbols: string[]) => peek()?.kind === 'symbol' && symbols.includes(peek()!.value.toLowerCase());
  const take = () => tokens[at++]!.value;
  const expect = (symbol: string) => {
    if (!is(symbol)) throw new ExpressionError(`'${symbol}' is missing ${at < tokens.length ? `before '${peek()!.value}'` : 'at the end'}`);
    take();
  };

  const chain = (operators: string[], next: () => Expression) => (): Expression => {
    let left = next();
    while (is(...operators)) left = { kind: 'operation', operator: take().toUpperCase(), args: [left, next()] };
    return left;
  };
  const product = chain(['*', '/', '%'], unary);
  const sum = chain(['+', '-'], product);
  const comparison = chain(['=', '<>', '!=', '<', '>', '<=', '>='], sum);
  const conjunction = chain(['and'], negation);
  const disjunction = chain(['or'], conjunction);

  function negation(): Expression {
    if (!is('not')) return comparison();
    take();
    return { kind: 'operation', operator: 'NOT', args: [negation()] };
  }

  function unary(): Expression {
    if (!is('-')) return primary();
    take();
    return { kind: 'operation', operator: 'NEGATE', args: [unary()] };
  }

  function primary(): Expression {
    const token = peek();
    if (!token) throw new ExpressionError('it ends too early');
    if (is('(')) {
      take();
      const inner = disjunction();
      expect(')');
      return inner;
    }
    if (token.kind === 'symbol') throw new ExpressionError(`'${token.value}' is not expected`);
    take();
    if (token.kind === 'number') return { kind: 'number', value: Number(token.value) };
    if (token.kind !== 'name')
      return { kind: token.kind, ...(token.kind === 'text' ? { value: token.value } : { name: token.value }) } as Expression;
    return is('(') ? { kind: 'call', name: token.value, args: argumentsOf() } : { kind: 'column', name: token.value };
  }

  function argumentsOf(): Expression[] {
    expect('(');
    const args: Expression[] = [];
    while (!is(')')) {
      args.push(disjunction());
      if (!is(')')) expect(peek() ? ',' : ')');
    }
    take();
    return args;
  }

  const whole = disjunction();
  if (at < tokens.length) throw new ExpressionError(`'${peek()!.value}' is not expected`);
  return whole;
}

interface Token {
  kind: 'number' | 'text' | 'column' | 'parameter' | 'name' | 'symbol';
  value: string;
}

const TOKEN =
  /\s+|(?<number>\d+(?:\.\d+)?)|'(?<single>(?:[^'\\]|\\.)*)'|"(?<double>(?:[^"\\]|\\.)*)"|\$\{(?<parameter>[^}]+)\}|\{(?<column>[^}]+)\}|(?<symbol><>|!=|<=|>=|[-+*/%=<>(),]|(?:and|or|not)\b)|(?<name>[A-Za-z_]\w*)/iy;

function tokenise(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let end = 0; end < text.length; end = TOKEN.lastIndex) {
    TOKEN.lastIndex = end;
    const match = TOKEN.exec(text);
    if (!match) throw new ExpressionError(`'${text[end]}' is not expected`);
    const { number, single, double, parameter, column, symbol, name } = match.groups!;
    const quotedText = single ?? double;
    if (number !== undefined) tokens.push({ kind: 'number', value: number });
    else if (quotedText !== undefined) tokens.push({ kind: 'text', value: quotedText.replace(/\\(.)/g, '$1') });
    else if (parameter !== undefined) tokens.push({ kind: 'parameter', value: parameter });
    else if (column !== undefined) tokens.push({ kind: 'column', value: column });
    else if (symbol !== undefined) tokens.push({ kind: 'symbol', value: symbol });
    else if (name !== undefined) tokens.push({ kind: 'name', value: name });
  }
  return tokens;
}
