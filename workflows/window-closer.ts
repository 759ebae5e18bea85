import { WATERMARK_SECONDS } from '../pipeline/windows.ts';
import { act, type GeneratorRun, withRate } from './generator-run.ts';
import type { Interruption } from './interruption.ts';

/** What Flink waits for stragglers (sql/flink), and a little for the clock's grain. */
const WATERMARK_MS = WATERMARK_SECONDS * 1000 + 1_000;

/** Lets event time go on while no events are sent. */
export interface WindowCloser {
  /** Sends heartbeats on all lanes until a moment, in milliseconds since the epoch: true once they came back; false when a signal cut them short. */
  sendHeartbeats(until: number): Promise<boolean>;
  /** Sends heartbeats until the windows that begin with the last event's, or before it, have closed; these are so many seconds long. Ends early once `isOver`. */
  closeWindows(last: number, seconds: number, isOver: () => boolean): Promise<void>;
}

/** Closes the windows of a generator. */
export function windowCloser(run: GeneratorRun, signals: Interruption): WindowCloser {
  const sendHeartbeats = async (until: number): Promise<boolean> => {
    const { game, lanes } = run.cursor;
    const summary = `heartbeats until ${new Date(until).toISOString()}`;
    const beats = { pipeline: withRate(run), game, after: lanes.map(({ latest }) => latest), until };
    const sent = await signals.run(() => act['kinesis.heartbeats'].executeWithOptions({ summary }, [beats]));
    if (sent === undefined) return false;
    run.cursor.heartbeats += sent.heartbeats;
    run.cursor.lanes = lanes.map((lane) => ({ ...lane, latest: Math.max(lane.latest, sent.latest) }));
    return true;
  };
  return {
    sendHeartbeats,
    closeWindows: async (last, seconds, isOver) => {
      const window = run.pipeline.windowSeconds * 1000;
      const until = Math.floor(last / window) * window + seconds * 1000 + WATERMARK_MS;
      while (Math.min(...run.cursor.lanes.map(({ latest }) => latest)) < until && !isOver()) await sendHeartbeats(until);
    },
  };
}
