import { GetCrawlerCommand, GetTablesCommand, StartCrawlerCommand, type Table } from '@aws-sdk/client-glue';
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
  return {
    /** Starts a crawl, or joins the one that runs; returns when the last one before it began (milliseconds since the epoch, 0: none). */
    'crawl.start': async (pipeline: Pipeline): Promise<number> => {
      const before = await look(pipeline);
      const since = before?.LastCrawl?.StartTime?.getTime() ?? 0;
      try {
        await glue.send(new StartCrawlerCommand({ Name: names(pipeline).crawler }));
      } catch (error) {
        if (!isNamed(error, 'CrawlerRunningException')) throw error;
      }
      return since;
    },
    /** Returns the tables in the database, and what in them is not as expected, once a crawl newer than `since` has ended well. */
    'crawl.finished': async (pipeline: Pipeline, since: number): Promise<Crawled> => {
      const crawler = await look(pipeline);
      const last = crawler?.LastCrawl;
      if (crawler?.State !== 'READY' || (last?.StartTime?.getTime() ?? 0) <= since)
        throw notYet(`crawler ${names(pipeline).crawler} is ${crawler?.State}`);
      if (last?.Status !== 'SUCCEEDED') {
        const said = `crawler ${names(pipeline).crawler}: the crawl ended as ${last?.Status}: ${last?.ErrorMessage ?? 'no message'}`;
        const role = await youngRole(clients)(pipeline, 'crawler');
        throw ApplicationFailure.nonRetryable(said, role === undefined ? 'CrawlFailed' : 'RoleNotSpread');
      }
      const found = await tables(pipeline);
      return { tables: found.map(({ Name = '' }) => Name), drifted: found.flatMap(drift) };
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

/** The columns that `sql/` reads, as the crawler types them. Optional fields of events may not have come yet. */
const EXPECTED: Record<LakeTable, Record<string, string>> = {
  events: {
    event_id: 'string',
    event_time: 'string',
    event_type: 'string',
    match_id: 'string',
    ...PARTITIONS,
  },
  player_metrics: { window_start: 'string', window_end: 'string', player_id: 'string', kills: WHOLE, deaths: WHOLE, ...PARTITIONS },
  team_metrics: { window_start: 'string', window_end: 'string', team: 'string', kills: WHOLE, deaths: WHOLE, ...PARTITIONS },
};

function drift({ Name = '', StorageDescriptor, PartitionKeys = [] }: Table): ColumnDrift[] {
  const expected = EXPECTED[Name as LakeTable] ?? {};
  const columns = new Map([...(StorageDescriptor?.Columns ?? []), ...PartitionKeys].map((column) => [column.Name, column.Type]));
  return Object.entries(expected).flatMap(([column, type]) =>
    type.split(' or ').includes(columns.get(column) ?? '') ? [] : [{ table: Name, column, expected: type, found: columns.get(column) }],
  );
}
