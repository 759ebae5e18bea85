import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type Flink, type FlinkOptions, type Flinks, flinks } from '../../local/kinesis-analytics-v2/flink.ts';
import { openSession } from '../../local/kinesis-analytics-v2/gateway.ts';
import { toolPaths } from '../../setup/tools.mjs';
import { isAlive, until } from './studio-process.ts';

const { java, flinkLib, flinkClasses } = toolPaths();
const tools = { java: java!, lib: flinkLib!, classes: flinkClasses! };
let dir: string;
let all: Flinks;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'd2d-flink-'));
});
afterEach(() => all.end());
afterAll(() => rm(dir, { recursive: true }));

const options = (name: string, more: Partial<FlinkOptions> = {}): FlinkOptions => ({
  dir: join(dir, name),
  slots: 1,
  region: 'us-east-1',
  credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
  connectors: ['flink-connector-kinesis'],
  log: () => undefined,
  ...more,
});
/** Resolves once it says that it has so many. */
const hasSlots = (restUrl: string, count: number) =>
  until(
    async () => ((await (await fetch(`${restUrl}/overview`)).json()) as { 'slots-total'?: number })['slots-total'],
    (total) => total === count,
  );
const gone = (pid: number) =>
  until(
    async () => isAlive(pid),
    (alive) => !alive,
  );

test('a Flink is as it is asked for, also in the JVM of another; what was before answers no more and leaves no files', async () => {
  all = flinks(join(dir, 'jvms'), tools);
  const first = await all.start(options('one'));
  await hasSlots(first.restUrl, 1);
  await first.stop();
  await expect(fetch(first.restUrl)).rejects.toThrow();
  await expect(fetch(first.gatewayUrl)).rejects.toThrow();
  expect(existsSync(join(dir, 'one'))).toBe(false);
  const second = await all.start(options('two', { slots: 2 }));
  expect(second.pid).toBe(first.pid);
  await hasSlots(second.restUrl, 2);
  await second.stop('at once');
  expect(isAlive(first.pid)).toBe(false);
  expect(await readdir(join(dir, 'jvms'))).toEqual([]);
});

test('a JVM is shared neither with a Flink that still runs nor with one of another class path or log level; one waits at most', async () => {
  all = flinks(join(dir, 'jvms'), tools);
  const [first, second] = await Promise.all([all.start(options('one')), all.start(options('two'))]);
  expect(second.pid).not.toBe(first.pid);
  await first.stop();
  await second.stop();
  await gone(first.pid);
  expect(isAlive(second.pid)).toBe(true);
  const third = await all.start(options('three', { connectors: [] }));
  const fourth = await all.start(options('four', { logLevel: 'ERROR' }));
  expect(new Set([second.pid, third.pid, fourth.pid]).size).toBe(3);
  await Promise.all([third.stop('at once'), fourth.stop('at once')]);
});

test('a JVM ends with its Flink while a statement is still planned, which would else go to the next; JVMs that end together leave one', async () => {
  all = flinks(join(dir, 'jvms'), tools);
  const flink = await all.start(options('one'));
  const session = await openSession(flink.gatewayUrl, {});
  await session.execute("CREATE TABLE ticks (n INT, seen AS PROCTIME()) WITH ('connector' = 'datagen')");
  const windows = "TABLE(HOP(TABLE ticks, DESCRIPTOR(seen), INTERVAL '1' SECOND, INTERVAL '5' SECOND))";
  await session.execute(`SELECT window_start, n, COUNT(*) FROM ${windows} GROUP BY window_start, window_end, n`);
  await flink.stop();
  expect(isAlive(flink.pid)).toBe(false);

  const three = await Promise.all(['two', 'three', 'four'].map((name) => all.start(options(name))));
  await Promise.all(three.map(({ stop }) => stop()));
  const isOne = () => three.filter(({ pid }) => isAlive(pid)).length === 1;
  await until(async () => isOne(), Boolean);
  await all.end();
  expect(three.filter(({ pid }) => isAlive(pid))).toEqual([]);
});

test('a JVM that nobody wants ends in time, one that dies while it waits is not given out, and one whose start is broken off ends', async () => {
  all = flinks(join(dir, 'jvms'), tools, 200);
  const first = await all.start(options('one'));
  await first.stop();
  await gone(first.pid);

  all = flinks(join(dir, 'jvms'), tools);
  const second = await all.start(options('two'));
  await second.stop();
  process.kill(second.pid, 'SIGKILL');
  await second.exited;
  const broken = new AbortController();
  const third = all.start(options('three'), broken.signal);
  broken.abort();
  await expect(third).rejects.toThrow(/Flink ended before it was ready \(ended by SIGKILL\)/);
  expect(await readdir(join(dir, 'jvms'))).toEqual([]);
});

test('a Flink that cannot start says why, and its JVM ends', async () => {
  all = flinks(join(dir, 'jvms'), tools);
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const restPort = String((taken.address() as AddressInfo).port);
  await expect(all.start(options('one', { restPort }))).rejects.toThrow(/exit code 1.*BindException/s);
  taken.close();
  expect(await readdir(join(dir, 'jvms'))).toEqual([]);
});

/** Lets the JVM that waits die of its next order; `seen` is called before another is started. */
async function failingWarm(name: string, seen: () => void): Promise<{ warm: number; start: (signal?: AbortSignal) => Promise<Flink> }> {
  const first = await all.start(options(name));
  await first.stop();
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const restPort = String((taken.address() as AddressInfo).port);
  const log = (line: string) => {
    if (!line.startsWith('a warm JVM failed: ')) return;
    taken.close();
    seen();
  };
  return { warm: first.pid, start: (signal) => all.start(options(name, { restPort, log }), signal) };
}

test('a JVM that fails when its turn comes again is replaced by a new one', async () => {
  all = flinks(join(dir, 'jvms'), tools);
  const { warm, start } = await failingWarm('one', () => undefined);
  const second = await start();
  expect(second.pid).not.toBe(warm);
  expect(isAlive(warm)).toBe(false);
  await hasSlots(second.restUrl, 1);
  await second.stop('at once');
  expect(await readdir(join(dir, 'jvms'))).toEqual([]);
});

test('a start broken off between the JVM that failed and the new one leaves neither', async () => {
  all = flinks(join(dir, 'jvms'), tools);
  const broken = new AbortController();
  const { warm, start } = await failingWarm('one', () => broken.abort());
  await expect(start(broken.signal)).rejects.toThrow(/Flink ended before it was ready \(ended by SIGKILL\)/);
  expect(isAlive(warm)).toBe(false);
  expect(existsSync(join(dir, 'one'))).toBe(false);
  expect(await readdir(join(dir, 'jvms'))).toEqual([]);
});
