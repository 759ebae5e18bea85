import { addresses } from './addresses.ts';
import { session } from './session.ts';
import { snapshot } from './snapshot.ts';
import { UserError } from './user-error.ts';
import type { VerbResult } from './verb.ts';

/** Fresh links to everything that has a page; the local ones carry a secret of this machine. */
export async function open(): Promise<VerbResult> {
  const { client, pipeline, target, temporalUi } = await session();
  if ((await snapshot(client, pipeline.name))?.pipeline.readyAt === undefined)
    throw new UserError(`pipeline ${pipeline.name} is not up yet. See: npx d2d status`);
  const { dashboard, notebook, flink } = await addresses(pipeline, target);
  const facts = { dashboard, notebook, flink, temporalUi };
  const pages = { Dashboard: dashboard, Notebook: notebook, 'Flink UI': flink, 'Temporal UI': temporalUi };
  const lines = Object.entries(pages).flatMap(([name, address]) => (address ? [`${name.padEnd(12)} ${address}`] : []));
  if (notebook === undefined) lines.push('The Studio application does not run just now, so neither notebook nor Flink UI can be opened.');
  return { ok: true, facts, words: lines.join('\n') };
}
