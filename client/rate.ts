import { names } from '../pipeline/names.ts';
import { type Rate, rateSchema } from '../pipeline/rate.ts';
import * as messages from '../workflows/messages.ts';
import { whileAttended } from './attended.ts';
import { asked, runsHere } from './pipeline.ts';
import { session } from './session.ts';
import { UsageError } from './user-error.ts';
import type { VerbResult } from './verb.ts';

/** Has the generator send at another rate from now on, until a spec is applied again. */
export async function rate(wanted: string): Promise<VerbResult> {
  const sent = rateOf(wanted);
  const { client, pipeline } = await session();
  const { generate } = names(pipeline).workflows;
  await runsHere(client, pipeline, generate);
  const handle = client.workflow.getHandle(generate);
  const words = await whileAttended(client, pipeline, asked(handle.executeUpdate(messages.setRate, { args: [sent] })));
  return { ok: true, facts: { rate: words }, words: `the generator sends ${words}; the spec's rate comes back with npx d2d up` };
}

/** A rate as it is typed: a number of events a second, 'max', or a course as JSON. Throws UsageError for anything else. */
export function rateOf(text: string): Rate {
  const { success, data, error } = rateSchema.safeParse(/^[\d.]+$/.test(text) ? Number(text) : text.startsWith('{') ? parsed(text) : text);
  if (!success) throw new UsageError(`the rate '${text}' ${error.issues[0]?.message}`);
  return data;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`the rate '${text}' is no JSON: ${(error as Error).message}`);
  }
}
