import { parentPort, workerData } from 'node:worker_threads';
import type { LedgerPage } from '../../pipeline/ledger.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { clients, type Target } from '../aws.ts';
import { sentBy } from './ledger-index.ts';
import { type PlaceName, READERS } from './places.ts';
import { type Generated, generated, type Holding, tally } from './tally.ts';

/** What the thread is to count: a place, or with none what was generated; from when on and up to when, in milliseconds since the epoch. */
export interface CountTask {
  target: Target;
  pipeline: Pipeline;
  pages: LedgerPage[];
  from: number;
  upTo: number;
  place?: PlaceName;
  blockEvents: number;
  /** With every minute, those that agree too. */
  minutes: boolean;
}

/** What it found. */
export type CountResult = Holding | Generated;

const { target, pipeline, pages, from, upTo, place, blockEvents, minutes } = workerData as CountTask;
const sent = sentBy(pages, from);
if (place === undefined) parentPort!.postMessage(generated(sent, blockEvents) satisfies CountResult);
else {
  const { take, holding } = tally(sent, minutes);
  for await (const records of READERS[place](clients(target), pipeline, from, upTo)) for (const record of records) take(record);
  parentPort!.postMessage(holding() satisfies CountResult);
}
