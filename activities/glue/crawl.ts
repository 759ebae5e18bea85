import { type Crawler, GetCrawlerCommand, GetTablesCommand, StartCrawlerCommand, type Table } from '@aws-sdk/client-glue';
import { ApplicationFailure } from '@temporalio/common';
import { type LakeTable, names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { isNamed } from '../errors.ts';
import { youngRole } from '../iam/young-role.ts';
import { notYet } from '../resource.ts';

/** A column that is not as the SQL expects it; `found` undefined: not there. Columns beyond those expected are no drift. */
export interface ColumnDrift {
  table: string;
  column: string;
  expected: string;
  found?: string;
}

/** What a crawl left. */
export interface Crawled {
  tables: string[];
  drifted: ColumnDrift[];
}

/** Crawls the lake. */
export function crawling(clients: Clients) {
  const { glue } = clients;
  const look = async (pipeline: Pipeline) => (await glue.send(new GetCrawlerCommand({ Name: names(pipeline).crawler }))).Crawler;
  /** When the last crawl that has ended began, milliseconds since the epoch; 0: none. */
  const lastBegan = (crawler: Crawler | undefined) => crawler?.LastCrawl?.StartTime?.getTime() ?? 0;
  return {
    /** When the last crawl so far began (milliseconds since the epoch, 0: none): any later one is news. One that is being stopped is none to join. */
    'crawl.since': async (pipeline: Pipeline): Promise<number> => {
      const crawler = await look(pipeline);
      if (crawler?.State === 'STOPPING') throw notYet(`crawler ${names(pipeline).crawler} is still stopping`);
      return lastBegan(crawler);
    },
    /** Sees to it that there is a crawl newer than `since`: joins one that runs, or has run since, else starts one. */
    'crawl.start': async (pipeline: Pipeline, since: number): Promise<void> => {
      const isThere = async () => {
        const crawler = await look(pipeline);
        if (crawler?.State === 'RUNNING' || lastBegan(crawler) > since) return true;
        // It takes no new crawl until it has stopped.
        if (crawler?.State === 'STOPPING') throw notYet(`crawler ${names(pipeline).crawler} is still stopping`);
        return false;
      };
      if (await isThere()) return;
      try {
        await glue.send(new StartCrawlerCommand({ Name: names(pipeline).crawler }));
      } catch (error) {
        if (!isNamed(error, 'CrawlerRunningException')) throw error;
        if (!(await isThere())) throw notYet(`crawler ${names(pipeline).crawler} was running a moment ago`);
      }
    },
    /** Returns the tables in the database, and what in them is not as expected, once a crawl newer than `since` has ended well. */
    'crawl.finished': async (pipeline: Pipeline, since: number): Promise<Crawled> => {
      const crawler = await look(pipeline);
      const last = crawler?.LastCrawl;
      if (crawler?.State !== 'READY' || lastBegan(crawler) <= since)
        throw notYet(`crawler ${names(pipeline).crawler} is ${crawler?.State}`);
      if (last?.Status !== 'SUCCEEDED') {
        const said = `crawler ${names(pipeline).crawler}: the crawl ended as ${last?.Status}: ${last?.ErrorMessage ?? 'no message'}`;
        const role = await youngRole(clients)(pipeline, 'crawler');
        throw ApplicationFailure.nonRetryable(said, role === undefined ? 'CrawlFailed' : 'RoleNotSpread');
      }
      const found = await tables(pipeline);
      return { tables: found.map(({ Name = '' }) => Name), drifted: found.flatMap((table) => drift(table, names(pipeline).crawler)) };
    },
  };

  async function tables(pipeline: Pipeline): Promise<Table[]> {
    const found: Table[] = [];
    let token: string | undefined;
    do {
      const page = await glue.send(new GetTablesCommand({ DatabaseName: names(pipeline).lakeDatabase, NextToken: token }));
      found.push(...(page.TableList ?? []));
      token = page.NextToken;
    } while (token);
    return found;
  }
}

/** The crawler takes the narrowest that fits. */
const WHOLE = 'int or bigint';
const PARTITIONS = { year: 'string', month: 'string', day: 'string', hour: 'string' };
const METRICS = { window_start: 'string', window_end: 'string', team: 'string', kills: WHOLE, deaths: WHOLE, kill_death_ratio: 'double' };

/** The columns that the views of `sql/` read, as the crawler types them. */
const EXPECTED: Record<LakeTable, Record<string, string>> = {
  events: {
    event_id: 'string',
    event_type: 'string',
    event_time: 'string',
    match_id: 'string',
    server_id: 'string',
    killer_id: 'string',
    killer_team: 'string',
    victim_id: 'string',
    victim_team: 'string',
    weapon: 'string',
    ...PARTITIONS,
  },
  player_metrics: { player_id: 'string', ...METRICS, ...PARTITIONS },
  team_metrics: { players: WHOLE, ...METRICS, ...PARTITIONS },
};

/** How a table differs from what `sql/` expects of it; one that our crawler made and nothing expects is drift as a whole. */
function drift({ Name = '', StorageDescriptor, PartitionKeys = [], Parameters }: Table, crawler: string): ColumnDrift[] {
  const expected = EXPECTED[Name as LakeTable];
  if (expected === undefined)
    return Parameters?.UPDATED_BY_CRAWLER === crawler ? [{ table: Name, column: '*', expected: 'no such table', found: 'a table' }] : [];
  const columns = new Map([...(StorageDescriptor?.Columns ?? []), ...PartitionKeys].map((column) => [column.Name, column.Type]));
  return Object.entries(expected).flatMap(([column, type]) =>
    type.split(' or ').includes(columns.get(column) ?? '') ? [] : [{ table: Name, column, expected: type, found: columns.get(column) }],
  );
}
