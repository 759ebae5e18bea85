import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Figure } from './figure.ts';
import { backlog } from './flink-backlog.ts';
import { freshness } from './flink-freshness.ts';

/** Events of the backlog of one round: five million in all. */
const EVENTS = 1_000_000;

/** How fast the SQL works off a backlog, and what of that its parsing and its telling apart of copies cost; and how long after its end a window is in Athena. */
export async function flink(events = EVENTS): Promise<Figure[]> {
  const dir = await mkdtemp(join(tmpdir(), 'd2d-bench-'));
  try {
    return [
      ...(await backlog(join(dir, 'backlog'), events)),
      ...(await freshness(join(dir, 'fast'), 0, 3)),
      ...(await freshness(join(dir, 'slow'), 30, 35)),
    ];
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
