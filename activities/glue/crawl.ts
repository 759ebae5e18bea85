import { type Crawler, GetCrawlerCommand, GetTablesCommand, StartCrawlerCommand, type Table } from '@aws-sdk/client-glue';
import { ApplicationFailure } from '@temporalio/common';
import { type LakeTable, names } from '../../pipeline/names.ts';
import { glueColumns } from '../../pipeline/schema.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Seen } from '../../pipeline/waiting.ts';
import type { Clients } from '../aws.ts';
import { type Calls, countCalls } from '../calls.ts';
import { isNamed } from '../errors.ts';
import { advised } from '../iam/refusal.ts';
import { youngAdvice, youngRole } from '../iam/young-role.ts';
import { notYet, underWay } from '../not-yet.ts';
import { type Columns, complete } from './complete.ts';

/** A column that is not as the SQL expects it; `found` undefined: not there. Columns beyond those expected are no drift. */
export interface ColumnDrift {
  table: string;
  column: string;
  expected: string;
  found?: string;
}

/** When the last crawl so far began: milliseconds since the epoch, 0 if there was none. */
export interface Since {
  at: number;
}

/** What a crawl left. */
export interface Crawled {
  tables: string[];
  drifted: ColumnDrift[];
}

/** Crawls the lake. */
export function crawlActivities(clients: Clients) {
  const { glue } = clients;
  const look = async (pipeline: Pipeline) => (await glue.send(new GetCrawlerCommand({ Name: names(pipeline).crawler }))).Crawler;
  /** When the last crawl that has ended began, milliseconds since the epoch; 0: none. */
  const lastBegan = (crawler: Crawler | undefined) => crawler?.LastCrawl?.StartTime?.getTime() ?? 0;
  return {
    /**
     * When the last crawl so far began: any later one is news. So is one that began after the run was `asked` for (milliseconds since the epoch), however long it took
     * until somebody looked. A crawl in its last phase (STOPPING, by itself or by somebody's hand) has read what it reads: its end is waited for, and no run joins it.
     */
    'crawl.since': async (pipeline: Pipeline, asked = Number.POSITIVE_INFINITY): Promise<Since & Calls> => {
      const { value: crawler, ...calls } = await countCalls(() => look(pipeline));
      unlessStopping(pipeline, crawler);
      return { at: Math.min(lastBegan(crawler), asked + skewOf(glue.config)), ...calls };
    },
    /** Sees to it that there is a crawl newer than `since`: joins one that runs, or has run since, else starts one. Says whether it `started` it just now. */
    'crawl.start': async (pipeline: Pipeline, since: Since): Promise<{ started: boolean } & Calls> => {
      const { value: started, ...calls } = await countCalls(() => start(pipeline, since.at));
      return { started, ...calls };
    },
    /**
     * Returns the tables in the database, and what in them is not as expected, once a crawl newer than `since` has ended well. What they lack is
     * given to them before: columns of which no row has told, and that lines which are no JSON fail no query.
     */
    'crawl.finished': async (pipeline: Pipeline, since: Since, seen?: Seen): Promise<Crawled & Calls> => {
      const { value, ...calls } = await countCalls(() => crawled(pipeline, since.at, seen));
      return { ...value, ...calls };
    },
  };

  /** While it is stopping, a crawler takes no new crawl. */
  function unlessStopping(pipeline: Pipeline, crawler: Crawler | undefined): void {
    if (crawler?.State === 'STOPPING') throw underWay(pipeline, `crawler ${names(pipeline).crawler} is still stopping`);
  }

  async function start(pipeline: Pipeline, since: number): Promise<boolean> {
    const isThere = async () => {
      const crawler = await look(pipeline);
      if (crawler?.State === 'RUNNING' || lastBegan(crawler) > since) return true;
      unlessStopping(pipeline, crawler);
      return false;
    };
    if (await isThere()) return false;
    try {
      await glue.send(new StartCrawlerCommand({ Name: names(pipeline).crawler }));
      return true;
    } catch (error) {
      if (!isNamed(error, 'CrawlerRunningException')) throw error;
      if (!(await isThere())) throw notYet(`crawler ${names(pipeline).crawler} was running a moment ago`);
      return false;
    }
  }

  async function crawled(pipeline: Pipeline, since: number, seen?: Seen): Promise<Crawled> {
    const crawler = await look(pipeline);
    const last = crawler?.LastCrawl;
    if (crawler?.State !== 'READY' || lastBegan(crawler) <= since)
      throw underWay(pipeline, `crawler ${names(pipeline).crawler} is ${crawler?.State}`, seen);
    if (last?.Status !== 'SUCCEEDED') {
      const message = last?.ErrorMessage ?? 'no message';
      const ended = `crawler ${names(pipeline).crawler}: the crawl ended as ${last?.Status}: ${message}`;
      const role = await youngRole(clients)(pipeline, 'crawler');
      if (role !== undefined) throw ApplicationFailure.nonRetryable(`${ended} ${youngAdvice(role)}`, 'RoleNotSpread');
      const words = advised(ended, message, pipeline, 'crawler');
      throw ApplicationFailure.nonRetryable(words, words === ended ? 'CrawlFailed' : 'CrawlRefused');
    }
    let found = await tables(pipeline);
    let isChanged = false;
    for (const table of found) {
      const expected = EXPECTED[table.Name as LakeTable];
      if (expected && (await complete(glue, table, ownColumns(expected)))) isChanged = true;
    }
    if (isChanged) found = await tables(pipeline);
    const drifted = [...missingIn(found), ...found.flatMap((table) => drift(table, names(pipeline).crawler))];
    return { tables: found.map(({ Name = '' }) => Name), drifted };
  }

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

/** The SDK learns AWS's clock from a header that tells whole seconds; a smaller difference says nothing. */
const GRAIN_MS = 2_000;
const skewOf = ({ systemClockOffset: offset = 0 }: { systemClockOffset?: number }): number => (Math.abs(offset) < GRAIN_MS ? 0 : offset);

/** The crawler takes the narrowest that fits. */
const WHOLE = 'int or bigint';
const PARTITIONS = { year: 'string', month: 'string', day: 'string', hour: 'string' };
const WINDOW = { window_start: 'string', window_end: 'string' };
const COUNTS = { kills: WHOLE, deaths: WHOLE, assists: WHOLE };
const LATENCIES = ['latencies', ...[25, 50, 75, 100, 150, 200, 300, 500].map((most) => `latency_${most}`)];

/** The columns that the views of `sql/` read, as the crawler types them. */
const EXPECTED: Record<LakeTable, Record<string, string>> = {
  events: { ...glueColumns(), ...PARTITIONS },
  player_metrics: { ...WINDOW, player_id: 'string', team: 'string', ...COUNTS, kill_death_ratio: 'double', ...PARTITIONS },
  team_metrics: {
    ...{ ...WINDOW, team: 'string', ...COUNTS, players: WHOLE, objectives: WHOLE, points: WHOLE },
    ...{ matches_won: WHOLE, matches_ended: WHOLE, kill_death_ratio: 'double', ...PARTITIONS },
  },
  leaderboards: { ...WINDOW, place: WHOLE, player_id: 'string', ...COUNTS, ...PARTITIONS },
  server_metrics: {
    ...{ ...WINDOW, server_id: 'string', events: WHOLE, players: WHOLE },
    ...Object.fromEntries(LATENCIES.map((name) => [name, WHOLE])),
    ...PARTITIONS,
  },
  late_events: {
    ...{ event_id: 'string', event_type: 'string', event_time: 'string', watermark_at: 'string', server_id: 'string' },
    ...{ killer_id: 'string', killer_team: 'string', victim_id: 'string', victim_team: 'string', assist_id: 'string' },
    ...{ player_id: 'string', team: 'string', points: WHOLE, latency_ms: WHOLE, winner_team: 'string', ...PARTITIONS },
  },
};

/** Those that lie in the files, each with the widest of its types. */
const ownColumns = (expected: Record<string, string>): Columns =>
  Object.fromEntries(
    Object.entries(expected).flatMap(([name, type]) => (name in PARTITIONS ? [] : [[name, type.split(' or ').at(-1) ?? type]])),
  );

/** The expected tables that are not there; none while the pipeline has no views yet, which come once every table has come. */
function missingIn(found: Table[]): ColumnDrift[] {
  if (!found.some(({ TableType }) => TableType === 'VIRTUAL_VIEW')) return [];
  const missing = Object.keys(EXPECTED).filter((table) => !found.some(({ Name }) => Name === table));
  return missing.map((table) => ({ table, column: '*', expected: 'a table' }));
}

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
