import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_AGAIN_MS = 200;
const NAME_LENGTH = 60;

/**
 * Takes the lock file, waiting while a living process holds it. Resolves to the function that gives it back.
 * @param {string} path
 * @param {(pid: number) => void} waiting called once, when there is somebody to wait for
 * @returns {Promise<() => void>}
 */
export async function takeLock(path, waiting) {
  for (let told = false; ; await delay(LOOK_AGAIN_MS)) {
    const holder = tryLock(path);
    if (holder === undefined) return () => unlock(path);
    if (!told) waiting(holder);
    told = true;
  }
}

/**
 * Takes the lock file without waiting; the lock of a process that is gone is taken over. Returns the id of the living process that holds it, undefined when
 * that is us from now on.
 * @param {string} path
 * @returns {number | undefined}
 */
export function tryLock(path) {
  mkdirSync(dirname(path), { recursive: true });
  while (!claim(path)) {
    const holder = content(path);
    if (holder === undefined) continue;
    const other = isRunning(holder) ? pidOf(holder) : removeStale(path, holder);
    if (other !== undefined) return other;
  }
  return undefined;
}

/**
 * Gives a lock back; one that is not ours is left alone.
 * @param {string} path
 */
export function unlock(path) {
  if (content(path) === identity(process.pid)) rmSync(path, { force: true });
}

/**
 * The process that holds the lock file now, if one does.
 * @param {string} path
 */
export function holderOf(path) {
  const holder = content(path);
  return holder !== undefined && isRunning(holder) ? pidOf(holder) : undefined;
}

/**
 * What tells a process from every other one, before it and after it: its id and its start time, for an id is given out again.
 * @param {number} pid
 */
export const identity = (pid) => `${pid} ${bornAt(pid)}`;

/**
 * Whether the process of this identity still runs.
 * @param {string} known
 */
export function isRunning(known) {
  const pid = pidOf(known);
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EPERM') return false;
  }
  return known === identity(pid);
}

/** @param {string} known */
const pidOf = (known) => Number.parseInt(known, 10);

/**
 * The kernel's start time of a process, in its ticks; '' where /proc does not exist, 'gone' where the process does not or has ended and only waits for its parent.
 * @param {number} pid
 */
function bornAt(pid) {
  if (process.platform !== 'linux') return '';
  const stat = content(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  return (fields[0] !== 'Z' && fields[19]) || 'gone';
}

/**
 * A link is made whole or not at all, so that nobody ever reads a lock without its owner.
 * @param {string} path
 */
function claim(path) {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, identity(process.pid));
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
 * Several may find the same stale lock: only who holds the lock upon that one may remove it, so what is removed here is never somebody's fresh lock. Returns
 * the process that is about to do so, if it is not us.
 * @param {string} path
 * @param {string} stale
 * @returns {number | undefined}
 */
function removeStale(path, stale) {
  const right = `${path}.${encodeURIComponent(stale).slice(0, NAME_LENGTH)}`;
  const other = tryLock(right);
  if (other !== undefined) return other;
  if (content(path) === stale) rmSync(path, { force: true });
  unlock(right);
  return undefined;
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
