import { readFile } from 'node:fs/promises';
import { parse, YAMLParseError } from 'yaml';
import { parseSpec, type Spec, SpecError } from '../pipeline/spec.ts';

const FILE = 'data2dashboard.yaml';

/** The spec in `data2dashboard.yaml` of the current folder, or all defaults without one; `over` replaces single fields of the generator. */
export async function loadSpec(over: { total?: number; rate?: number } = {}): Promise<Spec> {
  const written = await readSpec();
  const isMap = typeof written === 'object' && written !== null && !Array.isArray(written);
  if (!isMap && written !== undefined && written !== null) throw new SpecError(FILE, ['(top level): must be a map of fields']);
  const fields = (written ?? {}) as { generator?: object };
  const changed = Object.fromEntries(Object.entries(over).filter(([, value]) => value !== undefined));
  return parseSpec({ ...fields, ...(Object.keys(changed).length > 0 && { generator: { ...fields.generator, ...changed } }) }, FILE);
}

async function readSpec(): Promise<unknown> {
  try {
    return parse(await readFile(FILE, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (error instanceof YAMLParseError) throw new SpecError(FILE, [error.message.split('\n')[0] ?? error.message]);
    throw error;
  }
}
