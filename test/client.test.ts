import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { type Embedded, embedded } from '../client/embedded.ts';
import { freePort } from '../client/free-port.ts';
import { account } from '../client/once.ts';
import { shortened } from '../client/query.ts';
import { targetOf } from '../client/session.ts';
import { loadSpec } from '../client/spec-file.ts';
import { tableOf, telling } from '../client/table.ts';
import type { Audit } from '../pipeline/audit.ts';
import { type Pipeline, parseSpec, SpecError } from '../pipeline/spec.ts';
import { checkServer, environmentFor, serverFromEnvironment, type TemporalServer } from '../worker/connect.ts';
import { attributes } from '../workflows/story.ts';

const environment = { ...process.env };
const cwd = process.cwd();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'client-'));
  process.chdir(folder);
  for (const name of Object.keys(process.env)) if (/^(TEMPORAL|AWS|DATA2DASHBOARD)_/.test(name)) delete process.env[name];
});

afterEach(() => {
  process.chdir(cwd);
  process.env = { ...environment };
  rmSync(folder, { recursive: true, force: true });
});

const machine = (state: string): Embedded =>
  embedded({
    state,
    region: 'us-east-1',
    local: { profile: 'instant', speed: 1 },
    tell: () => undefined,
    note: () => undefined,
  });

describe('an embedded Temporal', () => {
  let parts: Embedded;
  let server: TemporalServer;
  let state: string;

  beforeAll(async () => {
    state = mkdtempSync(join(tmpdir(), 'embedded-'));
    parts = machine(state);
    server = await parts.temporal();
  });
  afterAll(async () => {
    await parts?.stop();
    rmSync(state, { recursive: true, force: true });
  });

  it('is what its worker talks to, whatever the environment says of a server of the user’s', async () => {
    process.env.TEMPORAL_API_KEY = 'a-key';
    process.env.TEMPORAL_TLS = 'true';
    process.env.TEMPORAL_TLS_SERVER_CA_CERT_PATH = '/nowhere/ca.pem';
    const aws = { endpoint: 'http://127.0.0.1:1', accessKeyId: 'AKIALOCAL', secretAccessKey: 'secret', region: 'us-east-1' };

    await expect(parts.worker(server, aws)).resolves.toBeUndefined();
  });

  it('passes the check that a server of the user’s must pass, but not with a namespace that it does not have', async () => {
    await expect(checkServer(server)).resolves.toBeUndefined();
    await expect(checkServer({ ...server, namespace: 'games' })).rejects.toThrow(
      new RegExp(`^The Temporal server at ${server.address} refuses namespace games \\(.*not found.*\\): check TEMPORAL_ADDRESS .*$`),
    );
  });
});

describe('a Temporal server of the user’s', () => {
  it('that does not answer ends a start with one line: what, where, what to do', async () => {
    const nowhere = `127.0.0.1:${await freePort(0)}`;
    process.env.TEMPORAL_ADDRESS = nowhere;

    await expect(machine(folder).temporal()).rejects.toThrow(
      new RegExp(`^No Temporal server answers at ${nowhere} \\(.+\\): check TEMPORAL_ADDRESS .*unset TEMPORAL_ADDRESS.*$`),
    );
  });

  it('is read from the environment, empty variables as none', async () => {
    const pem = join(folder, 'client.pem');
    writeFileSync(pem, 'PEM');
    const server = (variables: Record<string, string>) => serverFromEnvironment({ TEMPORAL_ADDRESS: 'cloud:7233', ...variables });

    expect(await serverFromEnvironment({ TEMPORAL_API_KEY: 'a-key' })).toBeUndefined();
    expect(await server({ TEMPORAL_API_KEY: '', TEMPORAL_NAMESPACE: '' })).toEqual({ address: 'cloud:7233', namespace: 'default' });
    expect(await server({ TEMPORAL_API_KEY: 'a-key', TEMPORAL_NAMESPACE: 'games' })).toMatchObject({
      namespace: 'games',
      tls: true,
      apiKey: 'a-key',
    });
    expect(await server({ TEMPORAL_TLS_CLIENT_CERT_PATH: pem, TEMPORAL_TLS_CLIENT_KEY_PATH: pem })).toMatchObject({
      tls: { clientCertPair: { crt: Buffer.from('PEM'), key: Buffer.from('PEM') } },
    });
    await expect(server({ TEMPORAL_TLS_CLIENT_CERT_PATH: pem })).rejects.toThrow('go together');
    await expect(server({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: '/nowhere' })).rejects.toThrow(/^TEMPORAL_TLS_SERVER_CA_CERT_PATH: ENOENT/);
  });

  it('hands its key and certificates on to the worker, an embedded one takes them away', () => {
    const server = { address: 'cloud:7233', namespace: 'games' };
    expect(environmentFor({ ...server, apiKey: 'a-key', tls: true })).toEqual({
      TEMPORAL_ADDRESS: 'cloud:7233',
      TEMPORAL_NAMESPACE: 'games',
    });
    const bare = environmentFor(server);
    expect(bare).toMatchObject({ TEMPORAL_ADDRESS: 'cloud:7233', TEMPORAL_NAMESPACE: 'games', TEMPORAL_API_KEY: undefined });
    expect(Object.keys(bare)).toEqual(expect.arrayContaining(['TEMPORAL_TLS', 'TEMPORAL_TLS_CLIENT_KEY_PATH', 'TEMPORAL_TLS_SERVER_NAME']));
  });
});

describe('a single run', () => {
  it('has its audit introduced in the Temporal UI, and found by the pipeline', async () => {
    const pipeline: Pipeline = { ...parseSpec({ name: 'once', generator: { total: 5 } }), account: '000000000000' };
    const started: Record<string, unknown>[] = [];
    const counted = { ...NOTHING, generated: 5, acknowledged: 5, inStream: 5, inS3: 5, inAthena: 5, windowsChecked: 1 };
    const client = {
      workflow: {
        getHandle: () => ({ query: async () => ({ state: 'finished', acknowledged: 5, game: {} }) }),
        execute: async (type: string, options: object) => {
          started.push({ type, ...options });
          return counted;
        },
      },
    } as unknown as Client;
    const quiet = { done: () => undefined, line: () => undefined, now: () => undefined, underWay: () => '', end: () => undefined };
    expect(await account(client, pipeline, quiet, new AbortController().signal)).toEqual({
      audit: counted,
      faults: [],
    });
    expect(started).toMatchObject([
      {
        type: 'audit',
        workflowId: 'once/audit',
        staticSummary: 'counts every event at every stage',
        staticDetails: expect.stringContaining('Pipeline **once**'),
        typedSearchAttributes: attributes(pipeline),
      },
    ]);
  });
});

/** A count of no events. */
const NOTHING: Audit = {
  ...{ generated: 0, acknowledged: 0, unacknowledged: [], inStream: 0, inS3: 0, inAthena: 0 },
  ...{ lost: 0, duplicates: 0, resent: 0, heartbeats: 0 },
  ...{ killsGenerated: 0, windowsChecked: 0, windowsWrong: 0, places: [], wrongInAthena: [], bytesScanned: 0 },
  ...{ at: 0, since: 0, minutes: [], missed: [] },
};

describe('the AWS that a verb talks to', () => {
  const local = { target: 'local', region: 'eu-west-1' } as const;
  const keys = { accessKeyId: 'AKIAKEPT', secretAccessKey: 'kept' };

  it('is for target local what runs here, else the endpoint of the environment', async () => {
    const aws = { endpoint: 'http://127.0.0.1:4567', accessKeyId: 'AKIA', secretAccessKey: 's', region: 'us-east-1' };
    const here = { pid: 1, temporal: { address: '', namespace: '' }, aws };
    expect(await targetOf(local, here)).toMatchObject({
      endpoint: aws.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIA' },
    });
    expect(await targetOf({ ...local, target: 'aws' }, here)).toEqual({ region: 'eu-west-1' });
    await expect(targetOf(local, undefined)).rejects.toThrow('The local AWS does not run here. Start it with: npm start');
  });

  it('takes the key pair from the state folder when the environment names only the endpoint, as in the worker’s container', async () => {
    process.env.AWS_ENDPOINT_URL = 'http://127.0.0.1:4566';
    await expect(targetOf(local, undefined)).rejects.toThrow(/^AWS_ENDPOINT_URL is set without a key pair.*Set AWS_ACCESS_KEY_ID/);

    mkdirSync('.data2dashboard/aws', { recursive: true });
    writeFileSync('.data2dashboard/aws/credentials.json', JSON.stringify(keys));
    expect(await targetOf(local, undefined)).toEqual({ region: 'eu-west-1', endpoint: 'http://127.0.0.1:4566', credentials: keys });

    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AKIAOWN', AWS_SECRET_ACCESS_KEY: 'own' });
    expect(await targetOf(local, undefined)).toMatchObject({ credentials: { accessKeyId: 'AKIAOWN' } });
  });
});

describe('data2dashboard.yaml', () => {
  const faultsOf = async (text: string): Promise<string[]> => {
    writeFileSync('data2dashboard.yaml', text);
    const error = await loadSpec().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SpecError);
    return (error as SpecError).faults;
  };

  it('may be missing, empty, or say a little; options come on top', async () => {
    expect((await loadSpec()).generator.rate).toBe(100);
    writeFileSync('data2dashboard.yaml', '# nothing yet\n');
    expect((await loadSpec()).name).toBe('data2dashboard');
    writeFileSync('data2dashboard.yaml', 'name: arena\ngenerator: { players: 20 }\n');
    expect(await loadSpec({ generator: { rate: 7 } })).toMatchObject({ name: 'arena', generator: { players: 20, rate: 7 } });
  });

  it('that is not YAML has every fault listed, with its line and column', async () => {
    expect(await faultsOf('name: arena\nname: other\nregion: "eu\\q"\nshards: 2\nshards: 3\n')).toEqual([
      'line 2, column 1: Map keys must be unique',
      'line 3, column 12: Invalid escape sequence \\q',
      'line 5, column 1: Map keys must be unique',
    ]);
    expect(await faultsOf('name: *arena\n')).toEqual([expect.stringMatching(/^Unresolved alias .*arena$/)]);
    expect(await faultsOf('- name\n')).toEqual(['(top level): must be a map of fields']);
  });
});

describe('npm start', () => {
  it('refuses --max beside --rate: they say two things', () => {
    const start = fileURLToPath(new URL('../client/start.ts', import.meta.url));
    const node = ['--import', import.meta.resolve('tsx'), start];
    const { status, stderr } = spawnSync(process.execPath, [...node, '--once', '--rate', '5', '--max'], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect([status, stderr]).toEqual([2, "error: option '--max' cannot be used with option '--rate <rate>'\n"]);
  });
});

describe('a table', () => {
  const reason = `the note's job does not run: ${'paragraph READY, '.repeat(15)}arn:aws:kinesisanalytics:us-east-1:000000000000:application/${'x'.repeat(60)}`;
  const table = (width?: number) =>
    tableOf(
      ['stage', 'state', ''],
      [
        ['Kinesis streams', 'ready', null],
        ['Studio notebook', 'starting', reason],
      ],
      width,
    );
  const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length));
  const inLastColumn = (text: string) =>
    text
      .split('\n')
      .map((line) => line.split('│').at(-2)?.trim() ?? '')
      .join('');

  it.each([60, 80, 120])('is at most as wide as a terminal of %i, and wraps without losing a letter', (width) => {
    expect(widest(table(width))).toBeLessThanOrEqual(width);
    expect(inLastColumn(table(width)).replaceAll(' ', '')).toBe(reason.replaceAll(' ', ''));
  });

  it('leaves out what may be left out and is zero in every row', () => {
    const rows = [
      ['a', '0', '0', '1'],
      ['b', '0', '0', '0'],
    ];
    const [head, shown] = telling(['name', 'lost', 'late', 'again'], rows, ['late', 'again']);
    expect(head).toEqual(['name', 'lost', 'again']);
    expect(shown).toEqual([
      ['a', '0', '1'],
      ['b', '0', '0'],
    ]);
  });

  it('shortens numbers that nobody reads to their end, and nothing else', () => {
    expect(['1.6923076923076923', '-0.00049', '1.675', '12', '2026-11-27 10:00:00.0000', 'player-1', '', null].map(shortened)).toEqual([
      ...['1.692', '-0.000', '1.675', '12', '2026-11-27 10:00:00.0000', 'player-1', '', null],
    ]);
  });

  it('is 80 wide when nobody knows the width, and no wider than it needs to be', () => {
    expect(widest(table())).toBeLessThanOrEqual(process.stdout.columns || 80);
    expect(
      tableOf(
        ['stage', 'state'],
        [
          ['Athena', 'ready'],
          ['QuickSight', null],
        ],
        80,
      ),
    ).toBe(
      [
        '┌────────────┬───────┐',
        '│ stage      │ state │',
        '├────────────┼───────┤',
        '│ Athena     │ ready │',
        '│ QuickSight │       │',
        '└────────────┴───────┘',
      ].join('\n'),
    );
  });

  it('loses nothing even where the terminal is too narrow for all columns', () => {
    const head = Array.from({ length: 12 }, (_, i) => `column_${i}`);
    const text = tableOf(head, [head.map((_, i) => `a value ${i}`)], 40);
    const lines = text.split('\n').filter((line) => line.startsWith('│'));
    const columns = lines.map((line) => line.split('│').slice(1, -1)).reduce((all, parts) => all.map((cell, i) => `${cell}${parts[i]}`));
    expect(columns.map((column) => column.replaceAll(' ', ''))).toEqual(head.map((name, i) => `${name}avalue${i}`));
    expect(tableOf(['question'], [], 40).split('\n')).toHaveLength(3);
  });
});
