import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { exitWithParent } from '../processes/children.ts';
import { takeLock } from '../setup/lock.mjs';
import { checkedPlan, type FaultPlan } from './faults.ts';
import { startLocal } from './start.ts';

const port = (text: string) => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || number > 65_535)
    throw new InvalidArgumentError('a port is a number from 0 (any free one) to 65535.');
  return number;
};

const profile = (name: string) => {
  if (name !== 'instant' && name !== 'aws') throw new InvalidArgumentError("a profile is 'instant' or 'aws'.");
  return name;
};

function planFrom(file: string | undefined): FaultPlan | undefined {
  if (file === undefined) return undefined;
  try {
    return checkedPlan(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    process.stderr.write(`The fault plan ${file} cannot be used: ${(error as Error).message}\n`);
    process.exit(2);
  }
}

const factor = (text: string) => {
  const number = Number(text);
  if (!(number >= 1)) throw new InvalidArgumentError('a number of at least 1 is wanted.');
  return number;
};

const { port: wanted, ...options } = new Command('npm run local --')
  .description(
    'Starts the local AWS alone; prints the variables that point an AWS client at it. Its region is AWS_REGION, or us-east-1. SIGTERM or Ctrl-C ends it, its state stays.',
  )
  .option('--port <number>', 'port to listen on', port, 4566)
  .option('--state <dir>', 'state folder', '.data2dashboard/aws')
  .option('--host <address>', 'address to bind to', '127.0.0.1')
  .option('--profile <name>', "how long things take: 'instant' or 'aws'", profile, 'instant')
  .option('--speed <factor>', 'with --profile aws: everything this many times faster', factor, 1)
  .option('--seed <number>', 'with --profile aws: draws the durations of an earlier run', factor)
  .option('--faults <file>', 'a fault plan, as JSON')
  .option('--call-log <file>', 'write every call there, as JSON lines')
  .option('--allow-host <name...>', 'further Host names to answer (containers)')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{
    port: number;
    state: string;
    host: string;
    allowHost?: string[];
    profile: 'instant' | 'aws';
    speed: number;
    seed?: number;
    faults?: string;
    callLog?: string;
  }>();

const { state: dir, allowHost: allowedHosts, faults: plan, ...others } = options;
const faultPlan = planFrom(plan);
let starting: ReturnType<typeof startLocal> | undefined;
const end = async () => (await starting)?.close();
exitWithParent(end);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => end().then(() => process.exit(0)));

try {
  // The one of a start that was killed may be writing its last.
  const letGo = await takeLock(join(dir, 'lock'), (holder) =>
    process.stderr.write(`waiting until the local AWS of process ${holder} ends: it holds ${dir}\n`),
  );
  process.once('exit', letGo);
  starting = startLocal({
    ...others,
    region: process.env.AWS_REGION || undefined,
    faults: faultPlan,
    mayCrash: true,
    dir,
    port: wanted,
    allowedHosts,
  });
  const { endpoint, credentials, region, seed, faults } = await starting;
  if (options.profile === 'aws') process.stderr.write(`durations are drawn by seed ${seed}\n`);
  const { length: rules } = faults.counts();
  if (rules > 0) process.stderr.write(`faults are in force, by ${rules} rule${rules === 1 ? '' : 's'}; npx d2d faults --clear ends them\n`);
  const lines = [
    `AWS_ENDPOINT_URL=${endpoint}`,
    `AWS_ACCESS_KEY_ID=${credentials.accessKeyId}`,
    `AWS_SECRET_ACCESS_KEY=${credentials.secretAccessKey}`,
    `AWS_REGION=${region}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  process.stderr.write(
    code === 'EADDRINUSE'
      ? `Port ${wanted} is taken: choose another with --port (0 takes any free one).\n`
      : `The local AWS did not start: ${message}\n`,
  );
  process.exit(1);
}
