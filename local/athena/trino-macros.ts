import { readFileSync } from 'node:fs';

const macros = readFileSync(new URL('./trino-macros.sql', import.meta.url), 'utf8')
  .replace(/^--.*$/gm, '')
  .split(';')
  .map((statement) => statement.trim())
  .filter((statement) => statement !== '')
  .map((statement) => ({ statement, called: new RegExp(`\\b${/^CREATE MACRO (\w+)/.exec(statement)?.[1]}\\s*\\(`, 'i') }));

/** Trino's functions that DuckDB has by another name or not at all, as far as `text` calls them: one CREATE MACRO each. */
export const macrosFor = (text: string): string[] => macros.filter(({ called }) => called.test(text)).map(({ statement }) => statement);
