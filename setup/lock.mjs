import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_AGAIN_MS = 200;

/**
 * Takes the lock file, waiting while a living process holds it; the lock of a process that is gone is taken over. Resolves to the function that gives it back.
 * @param {string} path
 * @param {(pid: number) => void} waiting called once, when there is somebody to wait for
 * @returns {Promise<() => void>}
 */
export async function takeLock(path, waiting) {
  mkdirSync(dirname(path), { recursive: true });
  const mine = `${process.pid} ${bornAt(process.pid)}`;
  for (let told = false; ; await delay(LOOK_AGAIN_MS)) {
    while (!claim(path, mine)) {
      const holder = content(path);
      if (holder === undefined) continue;
      if (isHeld(holder)) {
        if (!told) waiting(pidOf(holder));
        told = true;
        break;
      }
      takeAway(path, holder);
    }
    if (content(path) === mine) return () => rmSync(path, { force: true });
  }
}

/**
 * Whether the process that wrote this lock still runs (its start time counts too, for a process id is given out again).
 * @param {string} holder
 */
export function isHeld(holder) {
  const born = holder.slice(holder.indexOf(' ') + 1);
  try {
    process.kill(pidOf(holder), 0);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EPERM') return false;
  }
  return born === bornAt(pidOf(holder));
}

/** @param {string} holder */
const pidOf = (holder) => Number.parseInt(holder, 10);

/**
 * The kernel's start time of a process, in its ticks; '' where /proc does not exist, 'gone' where the process does not.
 * @param {number} pid
 */
function bornAt(pid) {
  if (process.platform !== 'linux') return '';
  const stat = content(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? 'gone';
}

/**
 * A link is made whole or not at all, so that nobody ever reads a lock without its owner.
 * @param {string} path
 * @param {string} mine
 */
function claim(path, mine) {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, mine);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Two may find the same stale lock: only the one whose rename moved exactly that lock has removed it; a fresh one moved by mistake is put back.
 * @param {string} path
 * @param {string} stale
 */
function takeAway(path, stale) {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return;
    throw error;
  }
  const moved = content(aside);
  if (moved !== undefined && moved !== stale) claim(path, moved);
  rmSync(aside, { force: true });
}

/** @param {string} path */
function content(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
