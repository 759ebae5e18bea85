/** Why a query failed, in Trino's words: `reason` is what Athena shows as StateChangeReason. `isSystem` means that a retry may help. */
export class TrinoError extends Error {
  constructor(
    message: string,
    readonly isSystem = false,
  ) {
    super(message);
    this.name = 'TrinoError';
  }
}

const LINE_AND_COLUMN = new Set([
  'TABLE_NOT_FOUND',
  'SCHEMA_NOT_FOUND',
  'CATALOG_NOT_FOUND',
  'COLUMN_NOT_FOUND',
  'FUNCTION_NOT_FOUND',
  'AMBIGUOUS_NAME',
  'EXPRESSION_NOT_AGGREGATE',
  'TYPE_MISMATCH',
  'SYNTAX_ERROR',
]);

/** How DuckDB says it, and Trino's code and words; `$1` is the name in question. */
const WORDS: [RegExp, string][] = [
  [/Referenced column "([^"]+)" (?:not found|was not found)/, "COLUMN_NOT_FOUND: Column '$1' cannot be resolved"],
  [/(?:Table|Values list) "[^"]+" does not have a column named "([^"]+)"/, "COLUMN_NOT_FOUND: Column '$1' cannot be resolved"],
  [/Referenced table "([^"]+)" not found/, "COLUMN_NOT_FOUND: Column '$1' cannot be resolved"],
  [/Ambiguous reference to column name "([^"]+)"/, "AMBIGUOUS_NAME: Column '$1' is ambiguous"],
  [
    /column "?([^"]+?)"? must appear in the GROUP BY clause/i,
    "EXPRESSION_NOT_AGGREGATE: '$1' must be an aggregate expression or appear in GROUP BY clause",
  ],
  [/(?:Scalar|Aggregate|Table)? ?Function with name "?([\w.]+)"? does not exist/, "FUNCTION_NOT_FOUND: Function '$1' not registered"],
  [/Only SELECT is allowed|Only one statement is allowed/, 'SYNTAX_ERROR: Only one sql statement is allowed. It must be a query.'],
  [/Parser Error: syntax error at or near "([^"]+)"/, "SYNTAX_ERROR: mismatched input '$1'"],
  [/Parser Error: (.*)/, 'SYNTAX_ERROR: $1'],
  [/No function matches the given name and argument types '([^']+)'/, 'TYPE_MISMATCH: Unexpected parameters for function $1'],
  [/Could not choose a best candidate function for the function call "([^"]+)"/, 'TYPE_MISMATCH: Unexpected parameters for function $1'],
  [/More than one row returned by a subquery/, 'SUBQUERY_MULTIPLE_ROWS: Scalar sub-query has returned multiple rows'],
  [/Cannot compare values of type ([\w ]+) and type/, 'TYPE_MISMATCH: Cannot apply operator to type $1'],
  [/(Failed to cast value to numerical: .*)/, 'HIVE_BAD_DATA: Error Parsing a column in the table: $1'],
  [/Could not convert string '(.*)' to ([\w ]+)/, "INVALID_CAST_ARGUMENT: Cannot cast '$1' to $2"],
  [/Conversion Error: (.*)/, 'INVALID_CAST_ARGUMENT: $1'],
  [/Division by zero/i, 'DIVISION_BY_ZERO: Division by zero'],
  [/Malformed JSON in file[^,]*,? ?(.*)/, 'HIVE_CURSOR_ERROR: Row is not a valid JSON Object - JSONException: $1'],
  [/JSON transform error in file[^:]*:? ?(.*)/, 'HIVE_BAD_DATA: Error Parsing a column in the table: $1'],
  [/Out of Memory|memory limit/i, 'EXCEEDED_MEMORY_LIMIT: Query exhausted resources at this scale factor'],
  [/IO Error: (.*)/, 'HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split: $1'],
  [/Out of Range Error: (.*)/, 'NUMERIC_VALUE_OUT_OF_RANGE: $1'],
];

/** Puts a failure into Trino's words, with the place of `name` in `sql` where Trino gives one. Messages already coded stay. */
export function trinoError(message: string, sql: string, name?: string): TrinoError {
  const first = message.split('\n')[0]!;
  if (/SQL engine (ended|is closed)/.test(first)) return new TrinoError(`GENERIC_INTERNAL_ERROR: ${first}`, true);
  const parse = /^line (\d+):(\d+): (.*)$/.exec(first);
  if (parse) return new TrinoError(`SYNTAX_ERROR: line ${parse[1]}:${parse[2]}: ${parse[3]}`);
  let coded = first;
  let place = name;
  if (!/^[A-Z_]{6,}: /.test(first)) {
    const known = WORDS.find(([pattern]) => pattern.test(first));
    coded = known ? first.replace(new RegExp(`^.*?${known[0].source}.*$`, known[0].flags), known[1]) : `GENERIC_USER_ERROR: ${first}`;
    place ??= known?.[0].exec(first)?.[1];
  }
  const [, code = '', text = ''] = /^([A-Z_]+): (.*)$/s.exec(coded) ?? [];
  return new TrinoError(LINE_AND_COLUMN.has(code) ? `${code}: ${placeOf(sql, place)}: ${text}` : coded);
}

/** `line L:C` of a name's first occurrence as a word; the start if it is not found. */
function placeOf(sql: string, name = ''): string {
  const text = sql.toLowerCase();
  const wanted = name.toLowerCase();
  let at = wanted === '' ? -1 : text.indexOf(wanted);
  while (at >= 0 && (/\w/.test(text[at - 1] ?? '') || /\w/.test(text[at + wanted.length] ?? ''))) at = text.indexOf(wanted, at + 1);
  if (at < 0) return 'line 1:1';
  // Trino points at the start of a qualified name.
  while (at > 0 && /[\w."]/.test(text[at - 1]!)) at--;
  const before = sql.slice(0, at).split('\n');
  return `line ${before.length}:${before.at(-1)!.length + 1}`;
}
