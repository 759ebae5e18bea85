import { readdirSync, readFileSync } from 'node:fs';

/** The kernel's ticks, by which Linux's /proc counts. */
const TICKS_PER_SECOND = 100;

/** Seconds of CPU, user and system, that a process and its descendants have spent; of those that ended, what their parents know. */
export function cpuSeconds(root: number): number {
  const all = new Map(readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? statOf(name) : [])));
  const isBelow = (pid: number): boolean => pid === root || (all.has(pid) && isBelow(all.get(pid)!.parent));
  const ticks = [...all].reduce((sum, [pid, stat]) => sum + (isBelow(pid) ? stat.ticks : 0), 0);
  return ticks / TICKS_PER_SECOND;
}

function statOf(name: string): [number, { parent: number; ticks: number }][] {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
    // Behind the name: state, parent, …; user, system, and those two of children that were waited for.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    return [[Number(name), { parent: fields[1]!, ticks: fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) }]];
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
