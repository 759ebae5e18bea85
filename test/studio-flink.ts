import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Clients } from '../activities/aws.ts';
import { statements } from '../activities/sql.ts';
import { createdKinesisTable, isInsert, splitStatements } from '../local/kinesis-analytics-v2/statements.ts';
import type { Local } from '../local/start.ts';
import { names } from '../pipeline/names.ts';
import { parallelismFor } from '../pipeline/parallelism.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { toolPaths } from '../setup/tools.mjs';
import { streamsOf } from './studio-metrics.ts';

const RUNNER = fileURLToPath(new URL('flink-1.15/Studio.java', import.meta.url));
const OPENED = ['lang', 'net', 'io', 'nio', 'lang.reflect', 'text', 'time', 'util', 'util.concurrent'];

/** What Java is to be started with, for Flink's planner. */
export const javaOptions = ['-XX:TieredStopAtLevel=1', ...OPENED.map((name) => `--add-opens=java.base/java.${name}=ALL-UNNAMED`)];

/** Statements one a line, the INSERTs last. */
export const inOneJob = (all: string[]): string[] =>
  [...all.filter((sql) => !isInsert(sql)), ...all.filter(isInsert)].map((sql) => sql.replace(/\s*\n\s*/g, ' '));

/** One pipeline's SQL on Studio's own version of Flink, whose JVM ends with this process; it has the streams and their endpoint, and nothing else of AWS. */
export function studioFlinkOf(aws: Clients, { endpoint, region, credentials }: Local, pipeline: Pipeline) {
  const streams = streamsOf(aws, pipeline);
  let stop: () => Promise<void> = async () => undefined;
  return {
    ...streams,
    bringUp: async () => {
      await streams.bringUp();
      const { java, studioFlinkLib } = toolPaths();
      const shards = (await streams.shards()).map(({ ShardId }) => ShardId!);
      const parallelism = String(parallelismFor(names(pipeline).streams.events, shards));
      const child = spawn(java!, [...javaOptions, '-Xmx2g', '-Daws.cborEnabled=false', '-cp', `${studioFlinkLib}/*`, RUNNER, parallelism], {
        stdio: 'pipe',
        env: {
          PATH: process.env.PATH,
          AWS_CBOR_DISABLE: 'true',
          CBOR_ENABLED: 'false',
          AWS_ACCESS_KEY_ID: credentials.accessKeyId,
          AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
          AWS_REGION: region,
        },
      });
      const ended = once(child, 'close');
      stop = async () => {
        child.stdin.end();
        await ended;
      };
      let said = '';
      child.stderr.on('data', (chunk) => {
        said = `${said}${chunk}`.slice(-4_000);
      });
      const all = statements(pipeline, 'flink').flatMap(({ text }) => splitStatements(text));
      const withEndpoints = all.flatMap((sql) => [sql, ...atEndpoint(createdKinesisTable(sql), endpoint)]);
      child.stdin.write(`${inOneJob(withEndpoints).join('\n')}\n\n`);
      const running = once(createInterface({ input: child.stdout }), 'line').then(([line]) => line === 'RUNNING');
      if (!(await Promise.race([running, ended.then(() => false)]))) throw new Error(`Flink 1.15 does not run the SQL: ${said}`);
    },
    stop: () => stop(),
  };
}

const atEndpoint = (table: string | undefined, endpoint: string): string[] =>
  table === undefined ? [] : [`ALTER TABLE ${table} SET ('aws.endpoint' = '${endpoint}')`];
