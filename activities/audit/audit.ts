import { Worker } from 'node:worker_threads';
import { asyncLocalStorage, Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Marked, OutstandingWindows } from '../../pipeline/audit.ts';
import type { LedgerPage, Span } from '../../pipeline/ledger.ts';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { DAY_MS, HOUR_MS } from '../../pipeline/time.ts';
import { RANGES } from '../../pipeline/windows.ts';
import {
  BLOCK_EVENTS,
  blocksInAthena,
  countedInAthena,
  type LaneEnd,
  numbersOf,
  spansInAthena,
  type WindowComparison,
  windowsInAthena,
} from '../athena/blocks.ts';
import type { Clients, Target } from '../aws.ts';
import { undefinedIfMissing } from '../errors.ts';
import { underWay } from '../not-yet.ts';
import { killsOnDashboard } from '../quicksight/page.ts';
import { firstEventAt, ledgerPages } from '../s3/ledger.ts';
import { onTheWay } from '../sql.ts';
import { eventsOf, type Sent, sentBy } from './ledger-index.ts';
import { type Minute, told } from './minutes.ts';
import { keptFrom, type PlaceName } from './places.ts';
import { type Block, type Generated, type Holding, isWithin } from './tally.ts';
import type { CountResult, CountTask } from './thread.ts';
import { type Reached, type Unwritten, unwritten } from './unwritten.ts';

/** How many events, and how many kills among them: those that were sent, or those that Athena has. */
export interface EventCount {
  events: number;
  kills: number;
}

/** What the ledger says was sent, what it lacks of what the lanes made, and what trouble was made with; answers of earlier versions, which histories hold, have only counts. */
export interface SentCount extends EventCount {
  unwritten?: Unwritten;
  trouble?: Marked;
}

/** What Athena has of what was sent. */
export interface AthenaCount extends EventCount {
  /** The first 20 blocks of events that are not as they were sent, each in words; of the first 5, with the first 20 ids of what Athena lacks. */
  wrong: string[];
  /** The minutes of which Athena has others than were sent, or all. */
  minutes: Minute[];
  bytesScanned: number;
}

/** What the view of the game's events has beyond what was sent. */
export interface DuplicateCount {
  duplicates: number;
  bytesScanned: number;
}

/** What became of the comparison of the metrics: since when, and how many events were sent since then whose windows are compared. */
export interface MetricsComparison extends Omit<WindowComparison, 'until' | 'outstandingSince'> {
  since: number;
  /** Windows that end later were not compared; absent when all were. */
  until?: number;
  outstanding?: OutstandingWindows;
  sent: number;
}

/**
 * Counts, place by place, against what the generator's ledger says was sent. `from` leaves out what happened before (milliseconds since the epoch, 0: nothing), `upTo`
 * what was written down after that: of a game that goes on, all counts are then of the same events.
 */
export function auditActivities(clients: Clients, target: Target) {
  /** What was written down up to a moment, of all that the lake is read of; Firehose takes a while to deliver what is written down. */
  const ledgerOf = async (pipeline: Pipeline, from: number, upTo: number): Promise<LedgerPage[]> => {
    const pages: LedgerPage[] = [];
    for await (const { game, ranges } of ledgerPages(clients.s3, pipeline, keptFrom(from) - HOUR_MS))
      pages.push({ game, ranges: ranges.filter(({ at }) => at <= upTo) });
    return pages;
  };
  const count = (
    pipeline: Pipeline,
    from: number,
    pages: LedgerPage[],
    { place, upTo = ALWAYS, minutes = false }: { place?: PlaceName; upTo?: number; minutes?: boolean } = {},
  ): Promise<CountResult> =>
    countInThread({ target, pipeline, pages, from, upTo, blockEvents: BLOCK_EVENTS, minutes, ...(place !== undefined && { place }) });
  /** Ids of what Athena lacks of each of these blocks, in words; why nobody can tell, where that cannot be asked. */
  const lacking = async (pipeline: Pipeline, from: number, pages: LedgerPage[], blocks: Block[]) => {
    try {
      const { spans, bytesScanned } = await spansInAthena(clients.athena, pipeline, { since: from, blocks }, `${asking()}/spans`);
      const sent = sentBy(pages, from);
      return { words: blocks.map((block, i) => missingInWords(block, sent, spans[i]!)), bytesScanned };
    } catch (error) {
      // The count stands without it.
      if (!(error instanceof ApplicationFailure) || error.type !== 'QueryFailed') throw error;
      return { words: blocks.map(() => `; which are missing cannot be told: ${error.message}`), bytesScanned: 0 };
    }
  };
  return {
    /** What was sent: recomputed, as every event is a function of its number. With how far the lanes have come, what the ledger lacks of that, too, for as long as it is kept. */
    'audit.generated': async (pipeline: Pipeline, from = 0, upTo = ALWAYS, reached?: Reached): Promise<SentCount> => {
      const pages = await ledgerOf(pipeline, from, upTo);
      const { blocks, trouble } = (await count(pipeline, from, pages)) as Generated;
      const kept = Math.max(from, Date.now() - pipeline.keep.lakeDays * DAY_MS);
      return { ...sumOf(blocks), unwritten: unwritten(sentBy(pages, from), kept, reached), trouble };
    },
    /** Reads everything that a place has, and compares each event with what was sent, to the last byte; with `minutes`, tells of those that agree, too. */
    'audit.count': async (pipeline: Pipeline, place: PlaceName, from = 0, upTo = ALWAYS, minutes = false) =>
      (await count(pipeline, from, await ledgerOf(pipeline, from, upTo), { place, upTo, minutes })) as Holding,
    /** Returns once the lake holds all events that were written down, of those since a time. */
    'audit.arrived': async (pipeline: Pipeline, from: number, upTo = ALWAYS): Promise<void> => {
      const { missing } = (await count(pipeline, from, await ledgerOf(pipeline, from, upTo), { place: 'lake', upTo })) as Holding;
      if (missing > 0) throw underWay(pipeline, `${missing} events are not in the lake`);
    },
    /** Has Athena count, block by block and minute by minute, and compares that with what was sent. */
    'audit.athena': async (pipeline: Pipeline, from = 0, upTo = ALWAYS, minutes = false): Promise<AthenaCount> => {
      const pages = await ledgerOf(pipeline, from, upTo);
      const [{ blocks: wanted, minutes: sent }, { blocks, minutes: has, bytesScanned }] = await Promise.all([
        count(pipeline, from, pages) as Promise<Generated>,
        blocksInAthena(clients.athena, pipeline, { since: from, ends: endsOf(pages) }, asking()),
      ]);
      const found = new Map(blocks.map((block) => [nameOf(block), block]));
      const inLedger = wanted.map((block) => asWanted(block, found.get(nameOf(block)) ?? { ...block, events: 0, kills: 0 }));
      const off = wanted.map((block, i) => [block, inLedger[i]!] as const).filter(([block, inAthena]) => !isSame(block, inAthena));
      const named = off.slice(0, BLOCKS_NAMED).map(([block]) => block);
      const { words, bytesScanned: more } = await lacking(pipeline, from, pages, named);
      const wrong = off.slice(0, EXAMPLES).map(([block, inAthena], i) => `${differenceOf(block, inAthena)}${words[i] ?? ''}`);
      return { ...sumOf(inLedger), wrong, minutes: told(minutesOf(sent, has), minutes), bytesScanned: bytesScanned + more };
    },
    /** How many more events than were sent since a time the view of the game's events has: copies that it does not tell apart. */
    'audit.counted': async (pipeline: Pipeline, from: number, upTo = ALWAYS): Promise<DuplicateCount> => {
      const pages = await ledgerOf(pipeline, from, upTo);
      const ends = endsOf(pages);
      const { events, bytesScanned } = await countedInAthena(clients, pipeline, { since: from, ends }, asking());
      const sent = sentBy(pages, from);
      const most = ends.map(({ run, lane }) => eventsOf(sent, run, lane));
      return { duplicates: events.reduce((sum, count, at) => sum + Math.max(0, count - most[at]!), 0), bytesScanned };
    },
    /**
     * Has Athena recompute the rows of the metrics from the events, since a time, from its full hour on: of a game that goes on, but for those that are still on their
     * way. Where the SQL is behind, only what has surely come out whole is compared.
     */
    'audit.windows': async (pipeline: Pipeline, sending: boolean, from?: number, upTo = ALWAYS): Promise<MetricsComparison> => {
      const now = Date.now();
      const hours = from === undefined ? RANGES.latest : Math.ceil((now - from) / HOUR_MS);
      const since = Math.floor(now / HOUR_MS - hours) * HOUR_MS;
      const [pages, windows] = await Promise.all([
        ledgerOf(pipeline, since, upTo),
        windowsInAthena(clients.athena, pipeline, { sending, hours }, asking()),
      ]);
      const { until: last = since, outstandingSince, ...compared } = windows;
      const window = pipeline.windowSeconds * 1000;
      // Of a window that has not been over for long there need not be rows yet.
      const due = now - onTheWay(pipeline) * 1000;
      const isBehind = outstandingSince !== undefined;
      const until = isBehind ? last : sending ? Math.floor(due / window) * window : undefined;
      const sentSince = (time: number) => eventsOf(sentBy(pages, time));
      return {
        ...compared,
        since,
        ...(until !== undefined && { until }),
        ...(isBehind && { outstanding: { since: outstandingSince, isOverdue: !sending || outstandingSince < due - RESTART_MS } }),
        sent: sentSince(since) - sentSince(Math.max(since, until ?? ALWAYS)),
      };
    },
    /**
     * The kills that the dashboard shows of the last day, from the very data that its page fetches; undefined on AWS, whose page gives none out, and where it does not show
     * just the events that are counted.
     */
    'audit.dashboard': async (pipeline: Pipeline, from = 0): Promise<number | undefined> => {
      if (pipeline.target === 'aws') return undefined;
      const begins = await firstEventAt(clients.s3, pipeline);
      const since = Date.now() - RANGES.recent * HOUR_MS;
      if (begins < Math.max(from, since)) return undefined;
      // The window of the first event begins before it.
      const kills = await undefinedIfMissing(killsOnDashboard(clients, pipeline, since - HOUR_MS), 'ResourceNotFoundException');
      if (kills === undefined) throw ApplicationFailure.nonRetryable(`${names(pipeline).dashboard} is not there`, 'NotThere');
      return kills;
    },
  };
}

const EXAMPLES = 20;
/** Of more, the ids would be a long answer. */
const BLOCKS_NAMED = 5;
/** What a restart of the SQL on AWS takes, with the time until it has caught up. */
const RESTART_MS = 900_000;
const ALWAYS = Number.POSITIVE_INFINITY;

/** The same for every attempt of an activity. */
function asking(): string {
  const { workflowExecution, activityId } = Context.current().info;
  return `${workflowExecution?.runId}/${activityId}`;
}

/** How far each lane of each game has come, by the ledger. */
function endsOf(pages: LedgerPage[]): LaneEnd[] {
  const ends = new Map<string, LaneEnd>();
  for (const { game, ranges } of pages)
    for (const { lane, end } of ranges) {
      const known = ends.get(`${game.run}-${lane}`);
      ends.set(`${game.run}-${lane}`, { run: game.run, lane, end: Math.max(end, known?.end ?? 0) });
    }
  return [...ends.values()];
}

/** What was found of a block, but for events that were held back when the ledger was written down and have been sent since. */
function asWanted(block: Block, found: Block): Block {
  const { events, kills } = block.maybe ?? { events: 0, kills: 0 };
  const isBetween = (is: number, wanted: number, more: number) => is >= wanted && is <= wanted + more;
  return isBetween(found.events, block.events, events) && isBetween(found.kills, block.kills, kills) ? block : found;
}

/** What was found of each minute, but for events that were held back, as of a block; minutes in which nothing was sent are among them. */
function minutesOf(sent: Generated['minutes'], has: Map<number, number>): Minute[] {
  const rest = new Map(has);
  const all = sent.map(({ minute, sent: wanted, maybe }): Minute => {
    const found = has.get(minute) ?? 0;
    rest.delete(minute);
    return { minute, sent: wanted, events: found >= wanted && found <= wanted + maybe ? wanted : found, altered: 0, twice: 0 };
  });
  return [...all, ...[...rest].map(([minute, events]) => ({ minute, sent: 0, events, altered: 0, twice: 0 }))];
}

const sumOf = (blocks: Block[]): EventCount =>
  blocks.reduce((sum, { events, kills }) => ({ events: sum.events + events, kills: sum.kills + kills }), { events: 0, kills: 0 });

const nameOf = ({ run, lane, block }: Block): string => `${run}-${lane}-${block}`;

const isSame = (one: Block, other: Block): boolean => one.events === other.events && one.kills === other.kills;

function differenceOf(block: Block, found: Block): string {
  const { run, lane, events, kills } = block;
  return `events ${numbersOf(block).join(' to ')} of ${run}-${lane}: ${found.events} with ${found.kills} kills, not ${events} with ${kills}`;
}

/** The first few events of a block that were sent, and that are in none of what was found. */
function missingInWords(block: Block, sent: Sent, found: Span[]): string {
  const { run, lane } = block;
  const { spans, pending } = sent.get(run)!.lanes[lane]!;
  const [begin, end] = numbersOf(block);
  const ids: string[] = [];
  for (const [first, to] of spans)
    for (let i = Math.max(first, begin); i < Math.min(to, end) && ids.length <= EXAMPLES; i++)
      if (!pending.has(i) && !isWithin(found, i)) ids.push(`${run}-${lane}-${i}`);
  if (ids.length === 0) return '';
  return `; missing: ${ids.slice(0, EXAMPLES).join(', ')}${ids.length > EXAMPLES ? ', …' : ''}`;
}

/** Counting is long work for a processor, so it has a thread of its own. */
function countInThread(task: CountTask): Promise<CountResult> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL('./thread.mjs', import.meta.url), { workerData: task });
    let answer: CountResult | undefined;
    thread.once('message', (found: CountResult) => {
      answer = found;
    });
    // Benches count outside of activities.
    const cancellation = asyncLocalStorage.getStore()?.cancellationSignal;
    const stop = () => void thread.terminate();
    cancellation?.addEventListener('abort', stop);
    if (cancellation?.aborted) stop();
    thread.once('error', reject);
    thread.once('exit', (code) => {
      cancellation?.removeEventListener('abort', stop);
      return answer ? resolve(answer) : reject(new Error(`counting ended with ${code} and no answer`));
    });
  });
}
