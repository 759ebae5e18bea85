import { expect, it } from '@jest/globals';
import type { Aws } from '../../local/aws.ts';
import { ask } from '../../local/quicksight/ask.ts';
import type { DataSet } from '../../local/quicksight/assets.ts';

const set: DataSet = {
  ...{ id: 'history', name: 'history', created: new Date(), updated: new Date(), permissions: [], tags: [] },
  ...{ importMode: 'SPICE', spice: { file: 'history.json', bytes: 1, rows: 1, ingested: new Date() } },
  physicalTables: { history: { CustomSql: { DataSourceArn: 'arn', Name: 'history', SqlQuery: 'SELECT 1', Columns: [] } } },
};

/** An engine whose queries take this long, and end at once when told. */
const engine = (milliseconds: number) =>
  ({
    dir: '/nowhere',
    sql: {
      translate: async (sql: string) => sql,
      query: ({ signal }: { signal: AbortSignal }) =>
        new Promise((resolve, reject) => {
          setTimeout(() => resolve({ columns: [], rows: [[1]] }), milliseconds);
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    },
  }) as unknown as Aws;

it('ends a visual that takes longer than QuickSight gives it, and says so', async () => {
  await expect(ask(engine(60_000), set, 'WITH a', 50)).rejects.toThrow(
    'it took longer than 0.05 seconds, after which QuickSight ends a visual; choose a shorter range of time.',
  );
  expect((await ask(engine(10), set, 'WITH a')).rows).toEqual([[1]]);
});
