import { Worker } from 'node:worker_threads';
import { Context } from '@temporalio/activity';
import type { LedgerPage } from '../pipeline/ledger.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { BLOCK_EVENTS, blocksInAthena } from './athena/blocks.ts';
import type { Counted, Counting } from './audit-thread.ts';
import type { Clients, Target } from './aws.ts';
import type { PlaceName } from './places.ts';
import { killsOnDashboard } from './quicksight/page.ts';
import { pagesOf } from './s3/ledger.ts';
import type { Block, Holding } from './tally.ts';

/** What was sent, or what Athena has. */
export interface Sum {
  events: number;
  kills: number;
}

/** What Athena has of what was sent. */
export interface InAthena extends Sum {
  /** Blocks of events that are not as they were sent, each in words. */
  wrong: string[];
  bytesScanned: number;
}

/** Counts, place by place, against what the generator's ledger says was sent. `from` leaves out what happened before (milliseconds since the epoch, 0: nothing). */
export function auditing(clients: Clients, target: Target) {
  const count = async (pipeline: Pipeline, from: number, place?: PlaceName): Promise<Counted> => {
    const pages: LedgerPage[] = [];
    for await (const page of pagesOf(clients.s3, pipeline)) pages.push(page);
    return counted({ target, pipeline, pages, from, blockEvents: BLOCK_EVENTS, ...(place !== undefined && { place }) });
  };
  const generated = async (pipeline: Pipeline, from: number) => (await count(pipeline, from)) as Block[];
  return {
    /** What was sent: recomputed, as every event is a function of its number. */
    'audit.generated': async (pipeline: Pipeline, from = 0): Promise<Sum> => sumOf(await generated(pipeline, from)),
    /** Reads everything that a place has, and compares each event with what was sent, to the last byte. */
    'audit.count': (pipeline: Pipeline, place: PlaceName, from = 0) => count(pipeline, from, place) as Promise<Holding>,
    /** Has Athena count, block by block, and compares that with what was sent. */
    'audit.athena': async (pipeline: Pipeline, from = 0): Promise<InAthena> => {
      const { workflowExecution, activityId } = Context.current().info;
      const [wanted, { blocks, bytesScanned }] = await Promise.all([
        generated(pipeline, from),
        blocksInAthena(clients.athena, pipeline, from, `${workflowExecution?.runId}/${activityId}`),
      ]);
      const found = new Map(blocks.map((block) => [nameOf(block), block]));
      const inLedger = wanted.map((block) => found.get(nameOf(block)) ?? { ...block, events: 0, kills: 0 });
      const wrong = wanted.flatMap((block, i) => differenceOf(block, inLedger[i]!)).slice(0, EXAMPLES);
      return { ...sumOf(inLedger), wrong, bytesScanned };
    },
    /** The kills that the dashboard shows, from the very data that its page fetches; undefined on AWS, whose page gives none out. */
    'audit.dashboard': async (pipeline: Pipeline): Promise<number | undefined> =>
      pipeline.target === 'aws' ? undefined : killsOnDashboard(clients, pipeline),
  };
}

const EXAMPLES = 20;

const sumOf = (blocks: Block[]): Sum =>
  blocks.reduce((sum, { events, kills }) => ({ events: sum.events + events, kills: sum.kills + kills }), { events: 0, kills: 0 });

const nameOf = ({ run, lane, block }: Block): string => `${run}-${lane}-${block}`;

function differenceOf({ run, lane, block, events, kills }: Block, found: Block): string[] {
  if (found.events === events && found.kills === kills) return [];
  const [first, end] = [block * BLOCK_EVENTS, (block + 1) * BLOCK_EVENTS];
  return [`events ${first} to ${end} of ${run}-${lane}: ${found.events} with ${found.kills} kills, not ${events} with ${kills}`];
}

/** Counting is long work for a processor, so it has a thread of its own. */
function counted(counting: Counting): Promise<Counted> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL('./audit-thread.mjs', import.meta.url), { workerData: counting });
    let answer: Counted | undefined;
    thread.once('message', (found: Counted) => {
      answer = found;
    });
    thread.once('error', reject);
    thread.once('exit', (code) => (answer ? resolve(answer) : reject(new Error(`counting ended with ${code} and no answer`))));
  });
}
