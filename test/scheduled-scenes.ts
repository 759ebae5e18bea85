import { ApplicationFailure } from '@temporalio/common';
import type { PlaceName } from '../activities/audit/places.ts';
import type { Holding } from '../activities/audit/tally.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { after, failed, type Scene } from './scene.ts';
import { final } from './world.ts';

const answer = { columns: ['n'], rows: [['1']], more: false, bytesScanned: 0, milliseconds: 1, execution: 'x' };

/** What schedules start, and each way that it may end. */
export const SCHEDULED: Record<string, Scene> = {
  crawled: {
    keeps: ['crawl'],
    play: async ({ pipeline, start, acts }) => {
      const early = ApplicationFailure.nonRetryable('the crawl ended as FAILED: access denied', 'RoleNotSpread');
      const late = ApplicationFailure.nonRetryable('the crawl ended as FAILED: access denied', 'CrawlFailed');
      const drifted = [{ table: 'events', column: 'weapon', expected: 'string', found: 'int' }];
      acts({ 'crawl.finished': after([early], { tables: ['events'], drifted }) });
      await (await start('crawl', `${pipeline.name}/crawl`, { pipeline })).result();
      acts({ 'crawl.finished': after([late]) });
      await failed((await start('crawl', `${pipeline.name}/crawl/failing`, { pipeline })).result());
    },
  },
  asked: {
    keeps: ['query'],
    play: async ({ pipeline, start, acts }) => {
      const finished = async (_pipeline: Pipeline, question: string) => ({ ...answer, question });
      const asking = { 'query.questions': async () => ['kills_total', 'player_deaths'], 'query.start': async () => 'x' };
      acts({ ...asking, 'query.finished': finished });
      await (await start('query', `${pipeline.name}/query`, { pipeline })).result();
      await (await start('query', `${pipeline.name}/query/kills_total`, { pipeline, questions: ['kills_total'] })).result();
      acts({ 'query.finished': after([final('question kills_total ended as FAILED')]) });
      await failed((await start('query', `${pipeline.name}/query/failing`, { pipeline, questions: ['kills_total'] })).result());
    },
  },
  refreshed: {
    keeps: ['refresh'],
    play: async ({ pipeline, start, acts }) => {
      const wanted = { pipeline, dataSet: 'history' };
      acts({ 'refresh.start': async () => ({ ingestion: 'run' }), 'refresh.finished': async () => 12 });
      await (await start('refresh', `${pipeline.name}/refresh/history`, wanted)).result();
      const early = ApplicationFailure.nonRetryable('ingestion run ended as FAILED: access denied', 'RoleNotSpread');
      acts({ 'refresh.finished': after([early], 12) });
      await (await start('refresh', `${pipeline.name}/refresh/early`, wanted)).result();
      acts({ 'refresh.start': async () => ({ skipped: 'it was refreshed 32 times' }) });
      await (await start('refresh', `${pipeline.name}/refresh/skipped`, wanted)).result();
      acts({ 'refresh.start': async () => ({ ingestion: 'run' }), 'refresh.finished': after([final('ingestion run ended as FAILED')]) });
      await failed((await start('refresh', `${pipeline.name}/refresh/failing`, wanted)).result());
    },
  },
  audited: {
    keeps: ['audit'],
    play: async ({ pipeline, start, acts }) => {
      const lakes = [1, 2, 3];
      const counts = { columns: ['events', 'duplicates', 'windows_checked', 'windows_wrong'], rows: [['3', '0', '1', '0']] };
      acts({
        'generator.flushLedger': async () => undefined,
        'audit.scope': async () => ({ since: 0, streamSince: 0, windowsSince: 0 }),
        'audit.generated': async () => ({ events: 3, kills: 1 }),
        'audit.count': async (_pipeline: Pipeline, place: PlaceName) => held(place === 'lake' ? (lakes.shift() ?? 3) : 3),
        'audit.athena': async () => ({ events: 3, kills: 1, wrong: [], minutes: [], bytesScanned: 0 }),
        'audit.windows': async () => ({ checked: 1, wrong: 0, bytesScanned: 0, since: 0, sent: 3 }),
        'audit.counted': async () => ({ duplicates: 0, bytesScanned: 0 }),
        'audit.dashboard': async () => 1,
        'audit.publish': async () => undefined,
        'query.start': async () => 'x',
        'query.finished': async (_pipeline: Pipeline, question: string) => ({ ...answer, ...counts, question }),
      });
      await (await start('audit', `${pipeline.name}/audit`, { pipeline, patience: '20 seconds' })).result();
    },
  },
};

/** What a place holds of three events. */
const held = (events: number): Holding => ({
  ...{ events, kills: 1, missing: 3 - events, altered: 0, malformed: 0, heartbeats: 1, oversized: 0, unknown: 0, later: 0 },
  copies: { onPurpose: 0, resent: 0, unexplained: 0 },
  lacking: { malformed: 0, copies: 0 },
  minutes: [],
  examples: { missing: [], twice: [], altered: [], lacking: [] },
});
