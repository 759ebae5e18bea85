import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../client/free-port.ts';
import { exitReason, startChild } from '../processes/children.ts';
import { isStamped, sha256, stamp } from '../setup/files.mjs';
import { CommandFailed, run } from '../setup/run.mjs';
import { projectRoot } from '../setup/tools.mjs';

const HERE = fileURLToPath(new URL('airflow', import.meta.url));
const REQUIREMENTS = join(HERE, 'requirements.txt');

/** An Airflow with a home of its own on this machine. */
export interface Airflow {
  version: string;
  /** The file that its tasks write to, a line of JSON each. */
  output: string;
  /** Runs one of the programs in `airflow/` to its end, with `input` as a file of JSON, and gives the lines that it wrote. */
  python<Line>(program: string, input: unknown): Promise<Line[]>;
  /** Lets all of it run (`airflow standalone`) while `work` does. */
  running<Result>(work: () => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** Prepares a home; Airflow itself is installed below .tools, once. */
export async function airflow(environment: Record<string, string> = {}): Promise<Airflow> {
  const bin = join(await installed(), 'bin');
  const home = await mkdtemp(join(tmpdir(), 'd2d-airflow-'));
  const output = join(home, 'output.jsonl');
  await writeFile(output, '');
  const env = { ...process.env, ...(await settings(bin, home)), BENCH_OUTPUT: output, ...environment };
  return {
    version: (await run(join(bin, 'airflow'), ['version'], { env })).trim().split('\n').at(-1)!,
    output,
    python: async <Line>(program: string, input: unknown) => {
      const file = join(home, 'input.json');
      await writeFile(file, JSON.stringify(input));
      await writeFile(output, '');
      await run(join(bin, 'python'), [join(HERE, program), file, output], { env }).catch((error: unknown) => {
        throw error instanceof CommandFailed ? new Error(`${error.message}: ${error.output.slice(-2_000)}`) : error;
      });
      return (await readFile(output, 'utf8'))
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Line);
    },
    running: async (work) => {
      const child = startChild({
        name: 'Airflow',
        command: join(bin, 'airflow'),
        args: ['standalone'],
        env,
        logFile: join(home, 'standalone.log'),
      });
      const ends = child.exited.then((exit) => Promise.reject(new Error(`Airflow ${exitReason(exit)}`)));
      try {
        return await Promise.race([work(), ends]);
      } finally {
        ends.catch(() => undefined);
        await child.stop();
      }
    },
    close: () => rm(home, { recursive: true, force: true }),
  };
}

/** What it takes to be alone on this machine, and quiet; all that bears on its pace is left at its default. */
async function settings(bin: string, home: string): Promise<Record<string, string>> {
  const port = await freePort(18080);
  const api = `http://127.0.0.1:${port}`;
  return {
    PATH: `${bin}:${process.env.PATH}`,
    AIRFLOW_HOME: home,
    AIRFLOW__CORE__EXECUTOR: 'LocalExecutor',
    AIRFLOW__CORE__LOAD_EXAMPLES: 'False',
    AIRFLOW__CORE__DAGS_FOLDER: join(HERE, 'dags'),
    AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS: 'True',
    AIRFLOW__CORE__EXECUTION_API_SERVER_URL: `${api}/execution/`,
    AIRFLOW__API__HOST: '127.0.0.1',
    AIRFLOW__API__PORT: String(port),
    AIRFLOW__API__BASE_URL: api,
    AIRFLOW__API_AUTH__JWT_SECRET: 'of this bench only; as long as SHA-512 wants the secrets that it signs with to be',
    AIRFLOW__LOGGING__LOGGING_LEVEL: 'WARNING',
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED: 'False',
    PYTHONDONTWRITEBYTECODE: '1',
  };
}

async function installed(): Promise<string> {
  const folder = join(projectRoot, '.tools', 'airflow');
  const pin = join(projectRoot, '.tools', 'airflow.pin');
  const wanted = sha256(await readFile(REQUIREMENTS));
  if (existsSync(folder) && isStamped(pin, wanted)) return folder;
  process.stderr.write('installing Airflow for the comparison …\n');
  await run('python3', ['-m', 'venv', '--clear', folder]);
  await run(join(folder, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', '--requirement', REQUIREMENTS]);
  stamp(pin, wanted);
  return folder;
}
