import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { startPipeline } from '../client/pipeline.ts';
import { snapshot } from '../client/snapshot.ts';
import { undefinedIfUnanswered } from '../client/transient.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { statusQuery } from '../workflows/messages.ts';
import { type Figure, limited, quantile, round } from './figure.ts';
import { onServer, type Server } from './server.ts';

const PIPELINES = 100;
/** All schedules fall due at least once in it: the questions every five minutes, all together. */
const MEASURED_MS = 5 * 60_000;
const LEAST_QUERIES = 1_000;
const ASK_EVERY_MS = 200;
const PATIENCE_MS = 15 * 60_000;

/** The half, each, of the 4 GB that the whole product may take. */
const MOST_MEGABYTES = 2048;
/** Longer, and whoever asks notices that he waits. */
const LONGEST_MS = 1000;

/**
 * 100 pipelines that one worker operates on the embedded server: what both take of memory at most, and how long a question for the status takes meanwhile. The
 * worker is the product's own, with its workflows and schedules; their account is in memory, so what is measured is the orchestration.
 */
export const many = (): Promise<Figure[]> =>
  onServer(
    async (server) => {
      await server.startWorker();
      const all = Array.from(
        { length: PIPELINES },
        (_, i): Pipeline => ({ ...parseSpec({ name: `bench-${i}` }), account: '000000000000' }),
      );
      const began = Date.now();
      await upAll(server.client, all);
      const upSeconds = (Date.now() - began) / 1000;
      const { queries, pictures, worker, temporal } = await asked(server, all);
      const note = `of ${queries.length} over ${PIPELINES} pipelines; p50 ${round(quantile(queries, 0.5))} ms; the whole picture p50 ${round(quantile(pictures, 0.5))}, p99 ${round(quantile(pictures, 0.99))} ms`;
      return [
        limited('status query, p99', 'ms', quantile(queries, 0.99), LONGEST_MS, note),
        limited('memory of the worker', 'MB', worker, MOST_MEGABYTES, `${PIPELINES} pipelines, all up after ${Math.round(upSeconds)} s`),
        limited('memory of the Temporal server', 'MB', temporal, MOST_MEGABYTES, `${PIPELINES} pipelines`),
      ];
    },
    { workerProgram: new URL('many-worker.ts', import.meta.url) },
  );

/** Brings all up, and waits until all run. */
async function upAll(client: Client, all: Pipeline[]): Promise<void> {
  for (const pipeline of all) await startPipeline(client, { pipeline });
  const end = Date.now() + PATIENCE_MS;
  for (const { name } of all) {
    for (;;) {
      const state = (await undefinedIfUnanswered(snapshot(client, name)))?.pipeline.state;
      if (state === 'running') break;
      if (state === 'held' || Date.now() > end) throw new Error(`pipeline ${name} is ${state}, not running`);
      await delay(1000);
    }
  }
}

/** Asks one pipeline after the other, until everything that is scheduled has fallen due and enough has been asked. */
async function asked({ client, megabytes }: Server, all: Pipeline[]) {
  const queries: number[] = [];
  const pictures: number[] = [];
  let worker = 0;
  let temporal = 0;
  const end = Date.now() + MEASURED_MS;
  for (let i = 0; Date.now() < end || i < LEAST_QUERIES; i++) {
    const pipeline = all[i % all.length]!;
    const next = delay(ASK_EVERY_MS);
    const handle = client.workflow.getHandle(names(pipeline).workflows.pipeline);
    queries.push(await took(() => handle.query(statusQuery)));
    pictures.push(await took(() => snapshot(client, pipeline.name)));
    if (i % 10 === 0) {
      worker = Math.max(worker, megabytes('worker'));
      temporal = Math.max(temporal, megabytes('Temporal'));
    }
    await next;
  }
  return { queries, pictures, worker, temporal };
}

async function took(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
