import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const GUARD = fileURLToPath(new URL('../processes/guard.sh', import.meta.url));
const GRACE_SECONDS = '5';
const KEEP_CHARS = 64 * 1024;

/** A command of set-up that failed, with the end of what it wrote. */
export class CommandFailed extends Error {
  /**
   * @param {string} message
   * @param {string} output
   */
  constructor(message, output) {
    super(message);
    this.output = output;
  }
}

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/**
 * Runs a command to its end and resolves to what it wrote (the last 64 KB); a code other than 0 is a CommandFailed. It never outlives us.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<string>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', [GUARD, GRACE_SECONDS, command, ...args], { ...options, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    running.add(child);
    let output = '';
    const keep = (/** @type {Buffer} */ chunk) => {
      output = (output + chunk.toString('utf8')).slice(-KEEP_CHARS);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', reject);
    child.on('close', (code) => {
      running.delete(child);
      if (code === 0) resolve(output);
      else reject(new CommandFailed(`${[command, ...args].join(' ')} ended with code ${code}`, output.trim()));
    });
  });
}

/** Ends whatever is running; each pending run() rejects once its command is gone. */
export function stopAll() {
  for (const child of running) child.kill('SIGTERM');
}
