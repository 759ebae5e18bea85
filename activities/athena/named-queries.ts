import { createHash } from 'node:crypto';
import {
  CreateNamedQueryCommand,
  DeleteNamedQueryCommand,
  ListTagsForResourceCommand,
  type NamedQuery,
  UpdateNamedQueryCommand,
} from '@aws-sdk/client-athena';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { differences } from '../differences.ts';
import { unless } from '../errors.ts';
import { throughParent } from '../own-tags.ts';
import type { Difference, Found, Resource } from '../resource.ts';
import { statements } from '../sql.ts';
import { tagMap } from '../tags.ts';
import { isAbsent } from './errors.ts';
import { namedQueriesIn } from './listings.ts';

interface NamedQueries extends Found {
  queries: NamedQuery[];
}

/** What our queries' descriptions begin with: a named query carries no tags, and users keep their own, of other names, in the same workgroup. */
const OURS = 'data2dashboard: ';

/** The questions of `sql/athena/` as named queries of the workgroup, through which they are owned. */
export function namedQueries({ athena }: Clients): Resource<NamedQueries> {
  const create = async (pipeline: Pipeline, { Name, QueryString, Description }: Wanted): Promise<void> => {
    const { workgroup, lakeDatabase } = names(pipeline);
    const query = { Name, Description, QueryString, Database: lakeDatabase, WorkGroup: workgroup };
    await athena.send(new CreateNamedQueryCommand({ ...query, ClientRequestToken: tokenOf(query) }));
  };
  const remove = async ({ NamedQueryId }: NamedQuery): Promise<void> => {
    await unless(athena.send(new DeleteNamedQueryCommand({ NamedQueryId })), isAbsent);
  };
  const label = (pipeline: Pipeline) => `named queries of workgroup ${names(pipeline).workgroup}`;
  return {
    label,
    find: async (pipeline) => {
      const { workgroup, workgroupArn: ResourceARN, lakeDatabase } = names(pipeline);
      const [queries, parent] = await Promise.all([
        unless(namedQueriesIn(athena, workgroup), isAbsent),
        unless(athena.send(new ListTagsForResourceCommand({ ResourceARN })), isAbsent),
      ]);
      const questions = wanted(pipeline).map(({ Name }) => Name);
      // One of a question's name is the one that is asked, whatever somebody has made of its description.
      const isQuestion = ({ Name = '', Database }: NamedQuery) => Database === lakeDatabase && questions.includes(Name);
      const ours = queries?.filter((query) => query.Description?.startsWith(OURS) || isQuestion(query)) ?? [];
      return throughParent(label(pipeline), ours.length > 0 ? { queries: ours } : undefined, parent && tagMap(parent.Tags));
    },
    create: async (pipeline) => {
      for (const question of wanted(pipeline)) await create(pipeline, question);
    },
    differences: (pipeline, found) => {
      const { missing, other, surplus } = compared(pipeline, found);
      return [
        ...missing.map((question): Difference => ({ field: question.Name, is: undefined, wanted: question.QueryString })),
        ...other.flatMap(({ question, query }) =>
          differences(question, query).map((each) => ({ ...each, field: `${question.Name}.${each.field}` })),
        ),
        ...surplus.map(
          ({ Name, NamedQueryId, QueryString }): Difference => ({
            field: `named query ${Name} (${NamedQueryId})`,
            is: QueryString,
            wanted: undefined,
          }),
        ),
      ];
    },
    change: async (pipeline, found) => {
      const { missing, other, surplus } = compared(pipeline, found);
      for (const question of missing) await create(pipeline, question);
      for (const { question, query } of other)
        await athena.send(new UpdateNamedQueryCommand({ NamedQueryId: query.NamedQueryId, ...question }));
      for (const query of surplus) await remove(query);
    },
    status: () => 'ready',
    remove: async (_pipeline, { queries }) => {
      for (const query of queries) await remove(query);
    },
  };
}

/** The questions that have no query, those whose query differs, and the queries that no question has. */
function compared(pipeline: Pipeline, { queries }: NamedQueries) {
  const { lakeDatabase } = names(pipeline);
  const found = wanted(pipeline).map((question) => ({
    question,
    query: queries.find(({ Name, Database }) => Name === question.Name && Database === lakeDatabase),
  }));
  const kept = new Set(found.map(({ query }) => query));
  return {
    missing: found.flatMap(({ question, query }) => (query ? [] : [question])),
    other: found.flatMap(({ question, query }) => (query && differences(question, query).length > 0 ? [{ question, query }] : [])),
    surplus: queries.filter((query) => !kept.has(query)),
  };
}

const TOKEN_MS = 600_000;

/** Names of queries are not unique: a creation whose answer was lost, or that two runs make at once, must be the same one. Made anew later, it is another. */
const tokenOf = (query: object): string =>
  createHash('sha256')
    .update(`${JSON.stringify(query)} ${Math.floor(Date.now() / TOKEN_MS)}`)
    .digest('hex');

type Wanted = Record<'Name' | 'Description' | 'QueryString', string>;

/** A question's description is the first line of its file, a comment. */
const wanted = (pipeline: Pipeline): Wanted[] =>
  statements(pipeline, 'athena').map(({ name, text }) => ({
    Name: name,
    Description: `${OURS}${text.split('\n', 1)[0]!.replace(/^--\s*/, '')}`,
    QueryString: text,
  }));
