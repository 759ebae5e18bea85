import { readFile } from 'node:fs/promises';
import { controlOf } from '../local/control-client.ts';
import { type Count, checkedPlan, type FaultPlan, type Rule } from '../local/faults.ts';
import { SpecError } from '../pipeline/spec.ts';
import { rootMessage } from '../workflows/failure.ts';
import { targetOf } from './session.ts';
import { loadSpec } from './spec-file.ts';
import { running, stateFolder } from './state.ts';
import { tableOf } from './table.ts';
import { UsageError, UserError } from './user-error.ts';
import type { VerbResult } from './verb.ts';

/** Has the local AWS fail by a plan, or fail no more; says in any case which faults are in force and how often each has struck. */
export async function faults(file: string | undefined, { clear = false }: { clear?: boolean }): Promise<VerbResult> {
  if (file !== undefined && clear)
    throw new UsageError(
      'Give a fault plan or --clear, not both: npx d2d faults plan.json puts that plan, npx d2d faults --clear ends all faults',
    );
  const plan = file === undefined ? undefined : await planIn(file);
  const { region, endpoint, credentials } = await targetOf(await loadSpec(), await running(stateFolder()));
  if (endpoint === undefined || credentials === undefined)
    throw new UsageError('Faults are for the local AWS: nothing here makes AWS itself fail.');
  const control = controlOf({ endpoint, region, credentials });
  const next = clear ? { rules: [] } : plan;
  const asked = next === undefined ? control.counts() : control.faults(next);
  const counts = await asked.catch((error: Error) => {
    throw new UserError(`The local AWS at ${endpoint} does not answer: ${rootMessage(error)}`);
  });
  return { ok: true, facts: { faults: counts }, words: counts.length === 0 ? 'no faults are in force' : words(counts) };
}

/** The fault plan in a file. */
export async function planIn(file: string): Promise<FaultPlan> {
  try {
    return checkedPlan(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new SpecError(file, [(error as Error).message]);
  }
}

const words = (counts: Count[]): string =>
  tableOf(
    ['fault', 'of', 'met', 'struck'],
    counts.map(({ rule, met, struck }) => [faultOf(rule), callsOf(rule), `${met}`, `${struck}`]),
  );

function faultOf({ fault }: Rule): string {
  const { kind, ...more } = fault;
  return [kind, ...Object.values(more)].join(' ');
}

function callsOf({ service = '*', operation = '*', after, times, share }: Rule): string {
  const bounds = [
    share !== undefined && `${share * 100} % of them`,
    times !== undefined && `${times} times`,
    after !== undefined && `after ${after}`,
  ];
  return [`${service} ${operation}`, ...bounds.filter((bound) => bound !== false)].join(', ');
}
