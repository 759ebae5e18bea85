import type { AthenaClient } from '@aws-sdk/client-athena';
import { ApplicationFailure } from '@temporalio/common';
import type { Span } from '../../pipeline/ledger.ts';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Block } from '../audit/tally.ts';
import type { Clients } from '../aws.ts';
import { utc } from '../s3/metrics.ts';
import { statement } from '../sql.ts';
import { boundedView } from './deployed-view.ts';
import { rowsOf, runQuery } from './run-query.ts';

/** Events of a lane that are counted together. */
export const BLOCK_EVENTS = 100_000;

const QUERY_MS = 600_000;
/** How often a statement is asked whose failure may pass. */
const TURNS = 3;
/** The error category of what fails by no fault of the statement. */
const OF_THE_SYSTEM = 1;
/** Events arrive after they happened, but for clocks that differ. */
const EARLY_MS = 3_600_000;

/** Where a lane's events end that are to be counted. */
export interface LaneEnd {
  run: string;
  lane: number;
  end: number;
}

/**
 * What Athena has of the events of these lanes, up to their ends and since a time (milliseconds since the epoch), block by block and by the minute (counted from the
 * epoch), and the bytes it scanned for that: only hours that may hold them.
 */
export async function blocksInAthena(
  athena: AthenaClient,
  pipeline: Pipeline,
  { since, ends }: { since: number; ends: LaneEnd[] },
  asking: string,
): Promise<{ blocks: Block[]; minutes: Map<number, number>; bytesScanned: number }> {
  const more = { blockEvents: String(BLOCK_EVENTS), since: time(since), sinceHour: hourBefore(since), lanes: valuesOf(ends) };
  const text = statement(pipeline, 'audit/lanes.sql', more);
  const { id, bytesScanned } = await succeeded(athena, pipeline, text, asking);
  const blocks: Block[] = [];
  const minutes = new Map<number, number>();
  for (const { Data = [] } of await rowsOf(athena, id)) {
    const [place, block, minute, events = 0, kills = 0] = Data.map(({ VarCharValue }) =>
      VarCharValue === undefined ? undefined : Number(VarCharValue),
    );
    if (place !== undefined) blocks.push({ ...laneOf(ends[place]!), block: block!, events, kills });
    // A time that is none is of no minute.
    else if (minute !== undefined) minutes.set(minute, events);
  }
  return { blocks, minutes, bytesScanned };
}

/** The numbers of a block: its first, and the one after its last. */
export const numbersOf = ({ block }: Pick<Block, 'block'>): Span => [block * BLOCK_EVENTS, (block + 1) * BLOCK_EVENTS];

/**
 * Which events of these blocks Athena has, since a time (milliseconds since the epoch): by block, in their order, as sorted spans of their numbers, without the one at
 * their ends; and the bytes it scanned for that. Throws `QueryFailed`.
 */
export async function spansInAthena(
  athena: AthenaClient,
  pipeline: Pipeline,
  { since, blocks }: { since: number; blocks: Pick<Block, 'run' | 'lane' | 'block'>[] },
  asking: string,
): Promise<{ spans: Span[][]; bytesScanned: number }> {
  if (blocks.length === 0) return { spans: [], bytesScanned: 0 };
  const values = blocks.map(({ run, lane, block }, place) => `(${place}, '${run}', '${lane}', ${numbersOf({ block }).join(', ')})`);
  const more = { since: time(since), sinceHour: hourBefore(since), blocks: values.join(', ') };
  const { id, bytesScanned } = await succeeded(athena, pipeline, statement(pipeline, 'audit/spans.sql', more), asking);
  const spans = blocks.map((): Span[] => []);
  for (const { Data = [] } of await rowsOf(athena, id)) {
    const [place, first, end] = Data.map(({ VarCharValue }) => Number(VarCharValue)) as [number, number, number];
    spans[place]!.push([first, end]);
  }
  return { spans, bytesScanned };
}

/** How many events of these lanes, up to their ends and since a time, the view `game_events` has as it stands in the account: by lane, in their order. */
export async function countedInAthena(
  { athena, glue }: Pick<Clients, 'athena' | 'glue'>,
  pipeline: Pipeline,
  { since, ends }: { since: number; ends: LaneEnd[] },
  asking: string,
): Promise<{ events: number[]; bytesScanned: number }> {
  const condition = `year || month || day || hour >= '${hourBefore(since)}'`;
  const gameEvents = await boundedView(glue, names(pipeline).lakeDatabase, 'game_events', 'events', condition);
  const more = { gameEvents, since: time(since), lanes: valuesOf(ends) };
  const { id, bytesScanned } = await succeeded(athena, pipeline, statement(pipeline, 'audit/counted.sql', more), asking);
  const events = ends.map(() => 0);
  for (const { Data = [] } of await rowsOf(athena, id)) events[Number(Data[0]?.VarCharValue)] = Number(Data[1]?.VarCharValue);
  return { events, bytesScanned };
}

const time = (at: number): string => new Date(Math.max(0, at)).toISOString().slice(0, -1);
/** The first hour, as partitions name it, whose objects may hold what happened since then. */
const hourBefore = (at: number): string =>
  time(at - EARLY_MS)
    .replaceAll(/[-T]/g, '')
    .slice(0, 10);
const valuesOf = (ends: LaneEnd[]): string =>
  ends.map(({ run, lane, end }, place) => `(${place}, '${run}', '${lane}', ${end})`).join(', ') || "(0, '', '', 0)";
const laneOf = ({ run, lane }: LaneEnd) => ({ run, lane });

/** Rows of the metrics that were compared with the events, and those among them that differ. Times are the ends of windows, milliseconds since the epoch. */
export interface WindowComparison {
  checked: number;
  wrong: number;
  /** The worst windows, each in words. */
  worst: string[];
  /** The last window that was compared; undefined when none was. */
  until?: number;
  /** The first window of which nothing has come out of the SQL, though it should have; undefined when there is none. */
  outstandingSince?: number;
  bytesScanned: number;
}

/** Compares the metrics of so many hours with the events; while the game goes on, without the windows whose rows may still be on their way. */
export async function windowsInAthena(
  athena: AthenaClient,
  pipeline: Pipeline,
  { sending, hours }: { sending: boolean; hours: number },
  asking: string,
): Promise<WindowComparison> {
  const all: Record<string, string> = sending ? {} : { comparedUntil: "TIMESTAMP '9999-12-31 00:00:00.000'" };
  const text = statement(pipeline, 'athena/windows_wrong.sql', { ...all, latestHours: String(hours) });
  const { id, bytesScanned } = await succeeded(athena, pipeline, text, asking);
  const [row] = await rowsOf(athena, id);
  if (!row?.Data) throw ApplicationFailure.nonRetryable('the comparison of the metrics has no answer', 'QueryFailed');
  const [checked, wrong, worst, until, since] = row.Data.map(({ VarCharValue }) => VarCharValue);
  return {
    checked: Number(checked),
    wrong: Number(wrong),
    worst: worst?.split('; ') ?? [],
    ...(until !== undefined && { until: utc(until) }),
    ...(since !== undefined && { outstandingSince: utc(since) }),
    bytesScanned,
  };
}

/**
 * Runs a statement until it has succeeded. The same `asking` is answered by the same executions, however often it is tried. One that failed fails for good; where Athena
 * says that the reason may pass, another is asked in its place.
 */
async function succeeded(
  athena: AthenaClient,
  pipeline: Pipeline,
  text: string,
  asking: string,
): Promise<{ id: string; bytesScanned: number }> {
  for (let turn = 1; ; turn++) {
    const request = turn === 1 ? asking : `${asking}/${turn}`;
    const execution = await runQuery(athena, pipeline, { text, request, within: QUERY_MS, what: 'the count in Athena' });
    const { State, StateChangeReason, AthenaError } = execution.Status ?? {};
    if (State === 'SUCCEEDED') return { id: execution.QueryExecutionId!, bytesScanned: execution.Statistics?.DataScannedInBytes ?? 0 };
    const mayPass = AthenaError?.Retryable === true || AthenaError?.ErrorCategory === OF_THE_SYSTEM;
    if (!mayPass || turn === TURNS)
      throw ApplicationFailure.nonRetryable(`counting in Athena ended as ${State}: ${StateChangeReason}`, 'QueryFailed');
  }
}
