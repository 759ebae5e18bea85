import { patched, sleep } from '@temporalio/workflow';
import * as workflows from '../../workflows/index.ts';

/** The same change as it has to be made: crawls that began before it go on as they began. */
export async function crawl(input: Parameters<typeof workflows.crawl>[0]): ReturnType<typeof workflows.crawl> {
  if (patched('wait-before-the-crawl')) await sleep('1 second');
  return workflows.crawl(input);
}
