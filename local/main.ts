import { Command, InvalidArgumentError } from 'commander';
import { exitWithParent } from '../client/children.ts';
import { startLocal } from './start.ts';

const port = (text: string) => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || number > 65_535)
    throw new InvalidArgumentError('a port is a number from 0 (any free one) to 65535.');
  return number;
};

const { port: wanted, ...options } = new Command('npm run local --')
  .description(
    'Starts the local AWS alone; prints the variables that point an AWS client at it. SIGTERM or Ctrl-C ends it, its state stays.',
  )
  .option('--port <number>', 'port to listen on', port, 4566)
  .option('--state <dir>', 'state folder', '.data2dashboard/aws')
  .option('--host <address>', 'address to bind to', '127.0.0.1')
  .option('--allow-host <name...>', 'further Host names to answer (containers)')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ port: number; state: string; host: string; allowHost?: string[] }>();

const starting = startLocal({ dir: options.state, port: wanted, host: options.host, allowedHosts: options.allowHost });
const end = async () => (await starting).close();
exitWithParent(end);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => end().then(() => process.exit(0)));

try {
  const { endpoint, credentials, region } = await starting;
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
