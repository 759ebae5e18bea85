import { expect, it } from '@jest/globals';
import { type Asked, knowAttributes } from '../worker/connect.ts';

/** A server that knows these attributes, learns more only if it may, and takes so many questions to take them up. */
function server(known: string[], { mayAdd = true, slow = 0 }: { mayAdd?: boolean; slow?: number } = {}) {
  const refusal = (code: number, details: string) => Object.assign(new Error(details), { code, details });
  const added: string[] = [];
  let asked = 0;
  const connection: Asked = {
    workflowService: {
      countWorkflowExecutions: async ({ query }) => {
        const unknown = [...query.matchAll(/(\w+) = /g)].find(
          ([, name]) => !known.includes(name!) || (added.includes(name!) && asked++ < slow),
        );
        if (unknown) throw refusal(3, `invalid query: invalid search attribute: ${unknown[1]}`);
      },
    },
    operatorService: {
      addSearchAttributes: async ({ searchAttributes }) => {
        const [name = ''] = Object.keys(searchAttributes);
        if (!mayAdd) throw refusal(7, 'Request unauthorized.');
        if (known.includes(name)) throw refusal(6, `${name} already exists`);
        known.push(name);
        added.push(name);
      },
    },
  };
  return { connection, added };
}

const ALL = ['PipelineName', 'PipelineState', 'PipelineTarget'];

it('asks for nothing where they are known, which needs no operator', async () => {
  const { connection, added } = server([...ALL], { mayAdd: false });
  await knowAttributes(connection, 'games');
  expect(added).toEqual([]);
});

it('adds those that are missing, and waits until the server has taken them up', async () => {
  const { connection, added } = server(['PipelineState'], { slow: 2 });
  await knowAttributes(connection, 'games');
  expect(added).toEqual(['PipelineName', 'PipelineTarget']);
});

it('says whom to have do what where it may not add them', async () => {
  const { connection } = server([], { mayAdd: false });
  const said = await knowAttributes(connection, 'games.a1b2c').catch((error: Error) => error.message);
  expect(said).toBe(
    [
      'Namespace games.a1b2c lacks the search attributes PipelineName, PipelineState, PipelineTarget, and they could not be added (Request unauthorized.). Have its operator run:',
      ...ALL.map((name) => `  temporal operator search-attribute create --namespace games.a1b2c --name ${name} --type Keyword`),
      'or, on Temporal Cloud:',
      '  tcld namespace search-attributes add --namespace games.a1b2c --search-attribute PipelineName=Keyword --search-attribute PipelineState=Keyword --search-attribute PipelineTarget=Keyword',
    ].join('\n'),
  );
});

it('does not wait for ever', async () => {
  const { connection } = server([], { slow: 1_000 });
  await expect(knowAttributes(connection, 'games', 300)).rejects.toThrow('added, and not known after 0.3 s');
});
