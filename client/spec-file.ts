import { readFile } from 'node:fs/promises';
import { parseDocument, type YAMLParseError } from 'yaml';
import type { Rate } from '../pipeline/rate.ts';
import { parseSpec, type Spec, SpecError } from '../pipeline/spec.ts';

const FILE = 'data2dashboard.yaml';

/** Fields given on the command line; they go before those of the file. */
export interface Over {
  generator?: { total?: number; rate?: Rate };
  local?: { profile?: string; speed?: number };
}

/** The spec in `data2dashboard.yaml` of the current folder, or all defaults without one, with the fields of `over` in place of its own. */
export async function loadSpec(over: Over = {}): Promise<Spec> {
  const written = await readSpec();
  const isMap = typeof written === 'object' && written !== null && !Array.isArray(written);
  if (!isMap && written !== undefined && written !== null) throw new SpecError(FILE, ['(top level): must be a map of fields']);
  const fields = { ...((written ?? {}) as Record<string, unknown>) };
  for (const [block, given] of Object.entries(over)) {
    const changed = Object.entries(given as object).filter(([, value]) => value !== undefined);
    if (changed.length > 0) fields[block] = { ...(fields[block] as object | undefined), ...Object.fromEntries(changed) };
  }
  return parseSpec(fields, FILE);
}

async function readSpec(): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(FILE, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const document = parseDocument(text);
  if (document.errors.length > 0) throw new SpecError(FILE, document.errors.map(faultOf));
  try {
    return document.toJS();
  } catch (error) {
    if (error instanceof ReferenceError) throw new SpecError(FILE, [error.message]); // an alias: the parser leaves it unresolved
    throw error;
  }
}

/** The parser ends the first line of its message with the position, and draws the place below. */
function faultOf({ message, linePos: [at] = [{ line: 1, col: 1 }] }: YAMLParseError): string {
  const what = message
    .split('\n', 1)
    .join('')
    .replace(/ at line \d+, column \d+:?$/, '');
  return `line ${at.line}, column ${at.col}: ${what}`;
}
