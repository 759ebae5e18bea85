import { GetCrawlerCommand, GetTablesCommand, StartCrawlerCommand } from '@aws-sdk/client-glue';
import { ApplicationFailure } from '@temporalio/common';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { isNamed } from '../errors.ts';
import { notYet } from '../resource.ts';

/** Crawls the lake. */
export function crawling({ glue }: Clients) {
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
    /** Returns the tables in the database once a crawl newer than `since` has ended well. */
    'crawl.finished': async (pipeline: Pipeline, since: number): Promise<string[]> => {
      const crawler = await look(pipeline);
      const last = crawler?.LastCrawl;
      if (crawler?.State !== 'READY' || (last?.StartTime?.getTime() ?? 0) <= since)
        throw notYet(`crawler ${names(pipeline).crawler} is ${crawler?.State}`);
      if (last?.Status !== 'SUCCEEDED')
        throw ApplicationFailure.nonRetryable(
          `crawler ${names(pipeline).crawler}: the crawl ended as ${last?.Status}: ${last?.ErrorMessage ?? 'no message'}`,
          'CrawlFailed',
        );
      return tables(pipeline);
    },
  };

  async function tables(pipeline: Pipeline): Promise<string[]> {
    const found: string[] = [];
    let token: string | undefined;
    do {
      const page = await glue.send(new GetTablesCommand({ DatabaseName: names(pipeline).lakeDatabase, NextToken: token }));
      found.push(...(page.TableList ?? []).map(({ Name = '' }) => Name));
      token = page.NextToken;
    } while (token);
    return found;
  }
}
