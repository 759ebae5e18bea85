import { ledgerPages } from '../activities/s3/ledger.ts';
import { inAccount } from '../client/pipeline.ts';
import type { Audit } from '../pipeline/audit.ts';
import { timeOf } from '../pipeline/ledger.ts';
import type { LakeTable } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { Ground } from './ground.ts';
import { type Lake, lakeOf } from './lake.ts';
import { applyAndWait, pauseAndWait, runAudit, seen, smallGame } from './life.ts';
import { oneOf, randomOf, shuffled } from './random.ts';
import { type Course, lived, until } from './run.ts';
import type { Trouble } from './ways.ts';

/** Four shards, and a record an event, which waits for no other; Flink keeps up with about as many. A smaller game goes slower, as it is played while Flink starts. */
const GAME = { shards: 4, rate: 2_500, seconds: 20 };
const AUDIT_MS = 300_000;
/** So often what was sent is counted at first: it may still be on its way. */
const LOOKS = 4;

/** What is done to a record, and where a place of the audit then names it. */
const HOW = { drop: 'missing', double: 'twice', alter: 'altered' } as const;
type How = keyof typeof HOW;
const EACH = Object.keys(HOW) as How[];

/** An event that suffered: from which place on it is wrong. */
interface Victim {
  how: How;
  place: 'stream' | 'lake';
  id: string;
  /** As an audit names it. */
  minute: string;
}

/** By table: how an audit begins to tell of a row. */
const ROWS: Partial<Record<LakeTable, (row: Record<string, string>) => RegExp>> = {
  player_metrics: ({ player_id: player, team }) => new RegExp(`^(player|trend) ${player} ${team} `),
  team_metrics: ({ team }) => new RegExp(`^team ${team} `),
  leaderboards: () => LEADER,
  server_metrics: ({ server_id: server }) => new RegExp(`^server ${server} `),
};

/**
 * A game of so many events in which single records are mutated on purpose. In the first run it is played, with an event that the stream swallows, one that it keeps
 * twice and one that it keeps otherwise; after it, in turns, three events of the lake suffer the same, or two rows of metrics. A run converges if the
 * audit names each with its place and its minute or window, and nothing else.
 */
export function mutations(on: Ground, events: number, seed: number): Trouble {
  let game: { pipeline: Pipeline; inStream: Victim[] } | undefined;
  return {
    run: async (number) => {
      const random = randomOf(seed, number);
      if (number === 1)
        return lived((2 * 1000 * events) / GAME.rate + 2 * AUDIT_MS, [], async (course) => {
          game = await played(on, course, events, random);
          for (let look = 1; ; look++) {
            const report = await runAudit(on, course, game.pipeline, 0);
            const faults = [...auditFaults(report, game.inStream), ...rowFaults(report, [])];
            if (report.acknowledged < events) faults.push(`only ${report.acknowledged} events were sent`);
            if (faults.length === 0) return;
            if (look === LOOKS) throw new Error(faults.join('; '));
          }
        });
      if (!game) throw new Error('the game was not played to its end, so there is nothing to mutate');
      const { pipeline, inStream } = game;
      const lake = lakeOf(on, pipeline);
      return lived(AUDIT_MS, [], async (course) => {
        try {
          const mutated = await (number % 2 === 0 ? inEvents : inMetrics)(lake, inStream, random);
          course.run.blows.push(...mutated.blows);
          course.phase('the account');
          const faults = mutated.faultsOf(await runAudit(on, course, pipeline, 0));
          if (faults.length > 0) throw new Error(faults.join('; '));
        } finally {
          await lake.restore();
        }
      });
    },
  };
}

/** Plays the game while the stream tampers with three events of it, and pauses it. */
async function played(on: Ground, course: Course, events: number, random: () => number) {
  const { control } = on;
  const spec = smallGame('mutated', Math.floor(random() * 2 ** 32), {
    shards: GAME.shards,
    windowSeconds: 10,
    delivery: { seconds: 5 },
    generator: { rate: Math.min(GAME.rate, events / GAME.seconds), seed: 1, aggregate: false, ordered: false },
  });
  const pipeline: Pipeline = await inAccount(parseSpec(spec), on.target);
  const lane = () => Math.floor(random() * GAME.shards);
  // Each in its own part of the game: of a call only one record is mutated.
  const number = (part: number) => Math.floor((events / GAME.shards) * (0.1 + (0.8 * (part + 0.9 * random())) / EACH.length));
  const chosen = EACH.map((how, part) => ({ how, lane: lane(), number: number(part) }));
  const rules = chosen.map(({ how, lane, number }) => ({
    ...{ service: 'kinesis', operation: 'PutRecords', times: 1 },
    fault: { kind: how, record: `-${lane}-${number}"` },
  }));
  await control.faults({ rules });
  course.phase('up');
  await applyAndWait(on, course, pipeline);
  course.phase('run');
  await until(course.signal, async () => ((await seen(on, pipeline.name))?.generator?.acknowledged ?? 0) >= events || undefined, 1000);
  await pauseAndWait(on, course, pipeline);
  const idle = (await control.counts()).filter(({ struck }) => struck !== 1);
  if (idle.length > 0) throw new Error(`${idle.length} events that the stream was to tamper with never came to it`);
  course.phase('the account');
  const inStream = await placed(on, pipeline, chosen);
  course.run.blows.push(...inStream.map(inWords));
  return { pipeline, inStream };
}

/** The events that were chosen by lane and number, as the ledger has them. */
async function placed(on: Ground, pipeline: Pipeline, chosen: { how: How; lane: number; number: number }[]): Promise<Victim[]> {
  const found: Victim[] = [];
  for await (const { game, ranges } of ledgerPages(on.aws.s3, pipeline))
    for (const { lane, first, end, time } of ranges)
      for (const each of chosen.filter((each) => each.lane === lane && each.number >= first && each.number < end))
        found.push(victimOf(each.how, 'stream', `${game.run}-${lane}-${each.number}`, timeOf([time], each.number)));
  if (found.length !== chosen.length) throw new Error(`of ${chosen.length} events the ledger has ${found.length}`);
  return found;
}

const victimOf = (how: How, place: Victim['place'], id: string, time: number): Victim => ({
  ...{ how, place, id },
  minute: `${new Date(time).toISOString().slice(0, 16)}Z`,
});

const inWords = ({ how, place, id, minute }: Victim) => `${how} ${id} of ${minute} in the ${place}`;

/** What of the lake is to be mutated, how it is told, and what is wrong with what an audit says of it. */
interface Mutated {
  blows: string[];
  faultsOf(report: Audit): string[];
}

/** Mutates three events, each in an object of its own. */
async function inEvents(lake: Lake, inStream: Victim[], random: () => number): Promise<Mutated> {
  const objects = shuffled(await lake.objects('events'), random);
  const victims: Victim[] = [];
  for (const how of EACH)
    for (let victim: Victim | undefined; !victim && objects.length > 0; ) {
      const key = objects.pop()!;
      const lines = await lake.lines(key);
      // A heartbeat is no event of the game: one more or less is nothing.
      const isUnhurt = (line: string) => !line.includes('"event_type":"heartbeat"') && !inStream.some(({ id }) => line.includes(`"${id}"`));
      const unhurt = lines.filter(isUnhurt);
      if (unhurt.length === 0) continue;
      const line = oneOf(unhurt, random);
      const instead = { drop: [], double: [line, line], alter: [line.replace(/("server_id":"[^"]*)"/, '$1x"')] }[how];
      await lake.put(key, lines.toSpliced(lines.indexOf(line), 1, ...instead));
      const { event_id: id, event_time: time } = JSON.parse(line) as { event_id: string; event_time: string };
      victim = victimOf(how, 'lake', id, Date.parse(`${time.replace(' ', 'T')}Z`));
      victims.push(victim);
    }
  if (victims.length < EACH.length) throw new Error(`only ${victims.length} objects of the lake hold events`);
  return { blows: victims.map(inWords), faultsOf: (report) => auditFaults(report, [...inStream, ...victims]) };
}

/** A row of metrics that suffered: how an audit begins to tell of it, and the second from which its window is. */
interface HurtRow {
  how: 'drop' | 'alter';
  words: RegExp;
  second: string;
}

/** Drops a row of the players' windows and one of another table, or alters its first count. */
async function inMetrics(lake: Lake, inStream: Victim[], random: () => number): Promise<Mutated> {
  const rows: HurtRow[] = [];
  // The audit names five windows, and a player's row has his leaders' follow.
  for (const table of ['player_metrics', oneOf(['team_metrics', 'leaderboards', 'server_metrics'] as const, random)] as const) {
    const objects = await lake.objects(table);
    // Sliding windows go on closing behind the last that are compared, so it is one of the first half.
    const key = oneOf(objects.slice(0, Math.ceil(objects.length / 2)), random);
    const lines = await lake.lines(key);
    const line = oneOf(lines, random);
    const how = oneOf(['drop', 'alter'] as const, random);
    const more = line.replace(/"(kills|events)":(\d+)/, (_, column, count) => `"${column}":${Number(count) + 1}`);
    await lake.put(key, lines.toSpliced(lines.indexOf(line), 1, ...(how === 'drop' ? [] : [more])));
    const row = JSON.parse(line) as Record<string, string>;
    rows.push({ how, words: ROWS[table]!(row), second: row.window_start!.slice(0, 19).replace('T', ' ') });
  }
  return {
    blows: rows.map(inRowWords),
    faultsOf: (report) => [...auditFaults(report, inStream), ...rowFaults(report, rows)],
  };
}

const inRowWords = ({ how, words, second }: HurtRow) => `${how} the row ${words.source} of ${second}`;
const LEADER = /^leader( on time)? \d+ /;

/** Which of these rows an audit does not name, and what else it does, but for the leaders of the same windows. */
function rowFaults({ windowsChecked = 0, windowsWrong, windowsWorst = [], windowsOutstanding }: Audit, rows: HurtRow[]): string[] {
  const isOf = (told: string, { second }: HurtRow) => told.includes(` of ${second} `);
  const isNamed = (told: string, row: HurtRow) => row.words.test(told) && isOf(told, row);
  const missed = rows.filter((row) => !windowsWorst.some((told) => isNamed(told, row)));
  const others = windowsWorst.filter((told) => !rows.some((row) => isNamed(told, row) || (LEADER.test(told) && isOf(told, row))));
  return [
    ...(windowsChecked > 0 && windowsOutstanding === undefined ? [] : [`windows were not all compared, but ${windowsChecked}`]),
    ...((windowsWrong === 0) === (rows.length === 0) ? [] : [`windows wrong: ${windowsWrong}`]),
    ...missed.map((row) => `not named among ${windowsWrong}: ${inRowWords(row)}`),
    ...others.map((told) => `named: ${told}`),
  ];
}

/** What an audit says wrongly of these events, each of which is wrong from its place on, and of the minutes that they are of; and what it could not count. */
function auditFaults({ places, minutes, missed, lost, duplicates }: Audit, victims: Victim[]): string[] {
  const faults = missed.map(({ what, why }) => `${what} could not be counted: ${why}`);
  for (const name of ['stream', 'lake'] as const) {
    const place = places.find((each) => each.place === name);
    if (!place) return [...faults, `the ${name} was not counted`];
    for (const how of EACH) {
      const wanted = victims.filter((each) => each.how === how && (each.place === name || name === 'lake')).map(({ id }) => id);
      faults.push(...differs(`${name}, ${HOW[how]}`, place.examples[HOW[how]], wanted));
    }
    const { lacking, oversized, unknown } = place;
    const others = lacking.malformed + lacking.copies + oversized + unknown;
    if (others > 0) faults.push(`${name}: ${others} others are wrong`);
  }
  const dropped = victims.filter(({ how }) => how === 'drop').length;
  if (lost !== dropped || duplicates !== 0) faults.push(`lost ${lost} instead of ${dropped}, counted twice ${duplicates} instead of 0`);
  const minutesOf = (all: { minute: string }[]) => [...new Set(all.map(({ minute }) => minute))];
  return [...faults, ...differs('minutes', minutesOf(minutes), minutesOf(victims))];
}

const differs = (what: string, named: readonly string[], wanted: readonly string[]): string[] => {
  const [is, ought] = [named, wanted].map((all) => [...all].sort().join(', ') || 'none');
  return is === ought ? [] : [`${what}: ${is} named instead of ${ought}`];
};
