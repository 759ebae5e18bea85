import { sleep } from '@temporalio/workflow';
import * as workflows from '../../workflows/index.ts';

/** As somebody might change it who forgets the crawls that are under way. */
export async function crawl(input: Parameters<typeof workflows.crawl>[0]): ReturnType<typeof workflows.crawl> {
  await sleep('1 second');
  return workflows.crawl(input);
}
