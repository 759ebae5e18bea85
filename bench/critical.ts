import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bringUp, machine } from '../client/bring-up.ts';
import { progressOn } from '../client/progress.ts';
import { letGo, takeHold } from '../client/state.ts';
import { controlOf } from '../local/control-client.ts';
import type { Drawn, Transition } from '../local/profile.ts';
import { LAKE_TABLES, names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { STAGES, type Stage } from '../pipeline/stages.ts';
import { WATERMARK_SECONDS } from '../pipeline/windows.ts';
import { compared, type Figure } from './figure.ts';

/** `up` on AWS-like durations, at their real length, against the longest chain of the durations that the run drew. */
export async function critical(): Promise<Figure[]> {
  const state = await mkdtemp(join(tmpdir(), 'd2d-bench-'));
  const spec = parseSpec({ local: { profile: 'aws' } });
  const progress = progressOn(process.stderr);
  await takeHold(state);
  const parts = machine(state, spec, progress);
  try {
    const stuck = (reason: string) => {
      throw new Error(reason);
    };
    const { client, pipeline, target } = await bringUp(parts, state, spec, progress, new AbortController().signal, { stuck });
    const { tally } = await client.workflow
      .getHandle(names(pipeline).workflows.pipeline)
      .query<{ tally: { seconds: number } }, []>('status');
    const drawn = await controlOf({ ...target, endpoint: target.endpoint!, credentials: target.credentials! }).drawn();
    await client.connection.close();
    const path = shortestOrder(pipeline, drawn);
    const chain = path.chain.map(({ what, seconds }) => `${what} ${seconds.toFixed(1)}`).join(', ');
    return [
      {
        ...compared('up, aws profile', 's', tally.seconds, path.seconds, 1 / 1.1, `critical path: ${chain}`),
        ratio: path.seconds / tally.seconds,
      },
    ];
  } finally {
    progress.end();
    await parts.stop();
    await letGo(state);
    await rm(state, { recursive: true, force: true });
  }
}

interface Step {
  what: string;
  seconds: number;
}

interface Path {
  seconds: number;
  chain: Step[];
}

/** The streams in the order of `LAKE_TABLES`. */
const STREAMS = ['events', 'playerMetrics', 'teamMetrics', 'leaderboards', 'serverMetrics', 'lateEvents'] as const satisfies Stage[];
type StreamStage = (typeof STREAMS)[number];

/** The critical path if the stream that must wait for room, since AWS makes five at once, is the one for which that takes the least time. */
const shortestOrder = (pipeline: Pipeline, drawn: Drawn[]): Path =>
  STREAMS.map((last) => criticalPath(pipeline, drawn, last)).reduce((a, b) => (b.seconds < a.seconds ? b : a));

/**
 * The longest chain through the stages and what lies between them: the start of the application, the first window and its delivery, the crawl. What the spec
 * itself asks to be waited for (window, watermark, delivery) counts besides what was drawn. The `last` stream is asked for once the first of the others is there.
 */
function criticalPath(pipeline: Pipeline, drawn: Drawn[], last: StreamStage): Path {
  const { streams, deliveries, roles, application, crawler } = names(pipeline);
  const seconds = (transition: Transition, id?: string) => {
    const of = drawn.filter((each) => each.transition === transition && (id === undefined || each.id === id));
    return of.length === 0 ? 0 : Math.min(...of.map(({ milliseconds }) => milliseconds)) / 1000;
  };
  const [events, players, teams, leaders, servers, late] = LAKE_TABLES;
  const creations = Object.fromEntries(STREAMS.map((stage, i) => [stage, seconds('stream create', streams[LAKE_TABLES[i]!])]));
  const room = Math.min(...STREAMS.filter((stage) => stage !== last).map((stage) => creations[stage]!));
  const own: Partial<Record<Stage, number>> = {
    firehoseRole: seconds('role spread', roles.firehose),
    studioRole: seconds('role spread', roles.studio),
    crawlerRole: seconds('role spread', roles.crawler),
    quicksightRole: seconds('role spread', roles.quicksight),
    ...creations,
    eventsDelivery: seconds('delivery create', deliveries[events]),
    playerDelivery: seconds('delivery create', deliveries[players]),
    teamDelivery: seconds('delivery create', deliveries[teams]),
    leaderboardDelivery: seconds('delivery create', deliveries[leaders]),
    serverDelivery: seconds('delivery create', deliveries[servers]),
    lateDelivery: seconds('delivery create', deliveries[late]),
    dataSource: seconds('data source'),
    views: seconds('query'),
    history: seconds('ingestion'),
    analysis: seconds('analysis'),
    dashboard: seconds('dashboard version'),
  };
  const after = (paths: Path[], what: string, took: number): Path => {
    const longest = paths.reduce((a, b) => (b.seconds > a.seconds ? b : a), { seconds: 0, chain: [] });
    return { seconds: longest.seconds + took, chain: took > 0 ? [...longest.chain, { what, seconds: took }] : longest.chain };
  };
  const at = (stage: Stage | 'tables'): Path => {
    if (stage === 'tables') return tables();
    const needs: readonly (Stage | 'tables')[] = STAGES[stage].needs;
    const before = stage === last ? [after([], 'room for a stream', room)] : needs.map(at);
    return after(before, stage, own[stage] ?? 0);
  };
  const tables = (): Path => {
    const started = after([at('studio')], 'application start', seconds('application start', application));
    const { windowSeconds, delivery } = pipeline;
    const flowing = after(
      [started, ...(Object.keys(STAGES) as Stage[]).filter((stage) => stage.endsWith('Delivery')).map(at)],
      'window',
      windowSeconds + WATERMARK_SECONDS,
    );
    const crawled = after([after([flowing], 'delivery', delivery.seconds), at('crawler')], 'crawl', seconds('crawl', crawler));
    // What a crawl came to is certain only when the crawler is READY again.
    return after([crawled], 'crawler stop', seconds('crawler stop', crawler));
  };
  return (Object.keys(STAGES) as Stage[]).map(at).reduce((a, b) => (b.seconds > a.seconds ? b : a));
}
