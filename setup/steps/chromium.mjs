import { CommandFailed, run } from '../run.mjs';
import { onPath, toolPaths } from '../tools.mjs';

/**
 * A Chromium for the browser tests: CHROMIUM_PATH, or the one on PATH, or Debian's.
 * @returns {import('../steps.mjs').Step}
 */
export const chromium = () => ({
  name: 'Chromium',
  due: () => toolPaths().chromium === undefined,
  missing: () => {
    const named = process.env.CHROMIUM_PATH;
    if (named) return [`CHROMIUM_PATH names ${named}, which is no program`];
    return onPath(['apt-get']) ? [] : ['Chromium is missing: install it, or set CHROMIUM_PATH'];
  },
  run: async () => {
    const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
    const apt = async (/** @type {string[]} */ ...args) => {
      const [command, ...rest] = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-y', ...args];
      await run(/** @type {string} */ (command), rest);
    };
    try {
      await apt('update');
      await apt('install', '--no-install-recommends', 'chromium', 'fonts-liberation');
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      throw new CommandFailed(
        'Chromium is missing and could not be installed: run apt-get install chromium as root, or set CHROMIUM_PATH',
        error.output,
      );
    }
  },
});
