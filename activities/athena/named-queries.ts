import {
  BatchGetNamedQueryCommand,
  CreateNamedQueryCommand,
  DeleteNamedQueryCommand,
  ListNamedQueriesCommand,
  type NamedQuery,
  UpdateNamedQueryCommand,
} from '@aws-sdk/client-athena';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { differences } from '../differences.ts';
import { unless } from '../errors.ts';
import type { Found, Resource } from '../resource.ts';
import { statements } from '../sql.ts';
import { isAbsent } from './errors.ts';

interface NamedQueries extends Found {
  queries: NamedQuery[];
}

/** What our queries' descriptions begin with: a named query carries no tags, and users keep their own in the same workgroup. */
const OURS = 'data2dashboard: ';

/** The questions of `sql/athena/` as named queries of the workgroup, through which they are owned. */
export function namedQueries({ athena }: Clients): Resource<NamedQueries> {
  const create = async (pipeline: Pipeline, { Name, QueryString, Description }: Wanted): Promise<void> => {
    const { workgroup, lakeDatabase } = names(pipeline);
    await athena.send(new CreateNamedQueryCommand({ Name, Description, QueryString, Database: lakeDatabase, WorkGroup: workgroup }));
  };
  const remove = async ({ NamedQueryId }: NamedQuery): Promise<void> => {
    await unless(athena.send(new DeleteNamedQueryCommand({ NamedQueryId })), isAbsent);
  };
  return {
    label: (pipeline) => `named queries of workgroup ${names(pipeline).workgroup}`,
    find: async (pipeline) => {
      const queries = (await unless(all(names(pipeline).workgroup), isAbsent)) ?? [];
      const ours = queries.filter(({ Description }) => Description?.startsWith(OURS));
      return ours.length > 0 ? { queries: ours } : undefined;
    },
    create: async (pipeline) => {
      for (const question of wanted(pipeline)) await create(pipeline, question);
    },
    update: async (pipeline, { queries }) => {
      const kept = new Set<NamedQuery>();
      const changed: string[] = [];
      for (const question of wanted(pipeline)) {
        const found = queries.find(({ Name, Database }) => Name === question.Name && Database === names(pipeline).lakeDatabase);
        if (found) kept.add(found);
        if (found && differences(question, found).length === 0) continue;
        changed.push(question.Name);
        if (found) await athena.send(new UpdateNamedQueryCommand({ NamedQueryId: found.NamedQueryId, ...question }));
        else await create(pipeline, question);
      }
      for (const query of queries.filter((each) => !kept.has(each))) {
        await remove(query);
        changed.push(`${query.Name} (removed)`);
      }
      return changed;
    },
    status: () => 'ready',
    remove: async (_pipeline, { queries }) => {
      for (const query of queries) await remove(query);
    },
  };

  async function all(WorkGroup: string): Promise<NamedQuery[]> {
    const queries: NamedQuery[] = [];
    let NextToken: string | undefined;
    do {
      const page = await athena.send(new ListNamedQueriesCommand({ WorkGroup, NextToken, MaxResults: 50 }));
      if (page.NamedQueryIds?.length)
        queries.push(...((await athena.send(new BatchGetNamedQueryCommand({ NamedQueryIds: page.NamedQueryIds }))).NamedQueries ?? []));
      NextToken = page.NextToken;
    } while (NextToken);
    return queries;
  }
}

type Wanted = Record<'Name' | 'Description' | 'QueryString', string>;

/** A question's description is the first line of its file, a comment. */
const wanted = (pipeline: Pipeline): Wanted[] =>
  statements(pipeline, 'athena').map(({ name, text }) => ({
    Name: name,
    Description: `${OURS}${text.split('\n', 1)[0]!.replace(/^--\s*/, '')}`,
    QueryString: text,
  }));
