import { readdirSync, readFileSync } from 'node:fs';

/** Resident memory of a process and all its descendants, in megabytes, as Linux's /proc tells it; processes that end meanwhile do not count. */
export function residentMegabytes(root: number): number {
  const processes = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (statusOf(name) ?? []) : []));
  const tree = new Set([root]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const { pid, parent } of processes) {
      if (!tree.has(parent) || tree.has(pid)) continue;
      tree.add(pid);
      grown = true;
    }
  }
  return processes.reduce((sum, { pid, kilobytes }) => sum + (tree.has(pid) ? kilobytes : 0), 0) / 1024;
}

/** Resident memory of one process alone, in megabytes; none if it has ended. */
export const ownMegabytes = (pid: number): number => (statusOf(String(pid))?.kilobytes ?? 0) / 1024;

function statusOf(pid: string): { pid: number; parent: number; kilobytes: number } | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0);
    return { pid: Number(pid), parent: field('PPid'), kilobytes: field('VmRSS') };
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
