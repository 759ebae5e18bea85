import { statements } from '../activities/sql.ts';
import { names } from '../pipeline/names.ts';
import { taskQueue } from '../worker/connect.ts';
import type { query as queryWorkflow } from '../workflows/index.ts';
import { introduced } from '../workflows/story.ts';
import { whileAttended } from './attended.ts';
import { session } from './session.ts';
import { loadSpec } from './spec-file.ts';
import { tableOf } from './table.ts';
import { UsageError } from './user-error.ts';
import type { VerbResult } from './verb.ts';

/** Asks a named query through Athena and shows its rows; without a name lists the questions there are. */
export async function query(question: string | undefined): Promise<VerbResult> {
  const known = statements({ ...(await loadSpec()), account: '' }, 'athena').map(({ name }) => name);
  if (question === undefined) return { ok: true, facts: { questions: known }, words: known.join('\n') };
  if (!known.includes(question)) throw new UsageError(`There is no question '${question}'. There are: ${known.join(', ')}`);
  const { client, pipeline } = await session();
  const asking = client.workflow.execute<typeof queryWorkflow>('query', {
    workflowId: `${names(pipeline).workflows.query}/${question}/${Date.now()}`,
    taskQueue: taskQueue(pipeline),
    args: [{ pipeline, questions: [question] }],
    ...introduced(pipeline, `asks ${question}`),
  });
  const [answer] = await whileAttended(client, pipeline, asking);
  const more = answer!.more ? `\nfirst ${answer!.rows.length} rows; all of them: ${answer!.output}` : '';
  return {
    ok: true,
    facts: answer!,
    words: `${tableOf(
      answer!.columns,
      answer!.rows.map((row) => row.map(shortened)),
    )}${more}\n${answer!.bytesScanned} bytes scanned in ${answer!.milliseconds} ms`,
  };
}

/** A value of an answer as a table shows it: a number of more than three decimals is rounded to three, for which a table of many columns has room; all else as it is. */
export const shortened = (value: string | null): string | null =>
  value !== null && /^-?\d+\.\d{4,}$/.test(value) ? Number(value).toFixed(3) : value;
