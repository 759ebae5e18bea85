/** The statements of a paragraph, split at `;` outside of quotes and comments, without comments and blank ones. */
export function splitStatements(sql: string): string[] {
  const tokens = sql.match(/'(?:[^']|'')*'|`[^`]*`|--[^\n]*|\/\*[\s\S]*?\*\/|;|[^'`;/-]+|[\s\S]/g) ?? [];
  const statements = [''];
  for (const token of tokens) {
    if (token === ';') statements.push('');
    else if (!token.startsWith('--') && !token.startsWith('/*')) statements[statements.length - 1] += token;
  }
  return statements.map((statement) => statement.trim()).filter((statement) => statement !== '');
}

/** Whether a statement starts a job that only writes. */
export const isInsert = (statement: string): boolean => /^INSERT\s+(INTO|OVERWRITE)\s/i.test(statement);

/** Whether a statement starts a job that goes on by itself. */
export const startsJob = (statement: string): boolean => isInsert(statement) || /^EXECUTE\s/i.test(statement);

/** Key and value of a SET, as Zeppelin takes them: with the quotes and blanks that are written. Undefined for any other statement. */
export function settingOf(statement: string): { key: string; value: string } | undefined {
  const [, key, value = ''] = /^SET\s+(\S+?)\s*=(.*)$/is.exec(statement) ?? [];
  return key === undefined ? undefined : { key, value };
}

/** Several INSERTs as one job. */
export const asOneJob = (inserts: string[]): string =>
  `EXECUTE STATEMENT SET BEGIN\n${inserts.map((insert) => `${insert};`).join('\n')}\nEND`;

/** The name, as written, of the Kinesis table that a statement creates. */
export function createdKinesisTable(statement: string): string | undefined {
  const name = /^CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?((?:`[^`]+`|\w+)(?:\.(?:`[^`]+`|\w+))*)/i.exec(statement)?.[1];
  return /'connector'\s*=\s*'kinesis'/i.test(statement) ? name : undefined;
}
