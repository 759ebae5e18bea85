/** What a column holds. `double` is always written with a decimal point, lest a crawler take it for whole. */
export type ColumnType = 'string' | 'int' | 'bigint' | 'double' | 'timestamp';

/** One column: what it holds, which types of event carry it, and what it means. */
export interface Column<Type extends string = string> {
  type: ColumnType;
  of: 'all' | readonly Type[];
  /** When an event of these types carries it; left out: always. */
  only?: string;
  doc: string;
}

/** Columns by name, in the order in which an event's JSON has them. */
export type Columns<Type extends string = string> = Readonly<Record<string, Column<Type>>>;

/** The types of event that there are, and what each says. */
export const EVENT_TYPES = {
  match_start: 'A server opens a match.',
  kill: 'A player kills one of the other team; the death of the one is the same event.',
  respawn: 'A dead player comes back.',
  objective: 'A living player reaches an objective and scores for the team.',
  session_start: 'A player joins the match.',
  session_end: 'A player leaves the match.',
  purchase: 'A player buys something in the shop.',
  telemetry: "A player's client tells how it runs.",
  match_end: 'The match is over.',
  heartbeat: "The generator's own: moves event time on, belongs to no match and counts in no metric.",
} as const;

export type EventType = keyof typeof EVENT_TYPES;

/** One event of a shooter match, as it lies in the stream: the schema that generator, Flink, crawler and docs/events.md share. */
export const EVENT = {
  event_id: { type: 'string', of: 'all', doc: '`<run>-<lane>-<number>`: tells the event from every other' },
  event_type: { type: 'string', of: 'all', doc: 'what has happened' },
  event_time: { type: 'timestamp', of: 'all', doc: 'when, in UTC with milliseconds and without `Z`, which Flink refuses' },
  match_id: { type: 'string', of: 'all', doc: '`<run>-<lane>-m<number>`; also the partition key: the events of a match stay in order' },
  server_id: { type: 'string', of: 'all', doc: 'the game server that hosts the match' },
  killer_id: { type: 'string', of: ['kill'], doc: 'the player who killed' },
  killer_team: { type: 'string', of: ['kill'], doc: '`red` or `blue`' },
  victim_id: { type: 'string', of: ['kill'], doc: 'the player who died' },
  victim_team: { type: 'string', of: ['kill'], doc: "the team that is not the killer's" },
  assist_id: { type: 'string', of: ['kill'], only: 'when somebody assisted', doc: "the living player of the killer's team who helped" },
  weapon: { type: 'string', of: ['kill'], doc: 'what the killer used' },
  distance: { type: 'double', of: ['kill'], doc: 'metres between the two; how far depends on the weapon' },
  player_id: {
    type: 'string',
    of: ['respawn', 'objective', 'session_start', 'session_end', 'purchase', 'telemetry'],
    doc: 'the player it is about',
  },
  team: { type: 'string', of: ['respawn', 'objective'], doc: "the player's team" },
  objective: { type: 'string', of: ['objective'], doc: 'what was reached' },
  points: { type: 'int', of: ['objective'], doc: 'what it adds to the score; a kill adds 1' },
  platform: { type: 'string', of: ['session_start', 'session_end', 'telemetry'], doc: '`pc`, `console` or `phone`' },
  region: { type: 'string', of: ['session_start', 'session_end'], doc: 'where the player lives' },
  device: { type: 'string', of: ['session_start', 'session_end'], doc: 'what the player plays on' },
  fps: { type: 'int', of: ['telemetry'], doc: 'pictures a second' },
  battery: { type: 'int', of: ['telemetry'], only: 'on a phone', doc: 'charge in percent; within a match it never rises' },
  network: { type: 'string', of: ['telemetry'], only: 'on a phone', doc: '`wifi`, `5g` or `4g`' },
  latency_ms: { type: 'int', of: ['telemetry'], doc: 'round trip to the server' },
  app_version: { type: 'string', of: ['session_start', 'session_end', 'telemetry'], doc: 'of the client' },
  duration_seconds: { type: 'int', of: ['session_end'], doc: 'how long the client had been open, by its own clock' },
  item: { type: 'string', of: ['purchase'], doc: 'what was bought' },
  price_cents: { type: 'int', of: ['purchase'], doc: 'what it cost, in hundredths of the currency' },
  currency: { type: 'string', of: ['purchase'], doc: 'what was paid in, as ISO 4217 has it' },
  winner_team: { type: 'string', of: ['match_end'], doc: 'the team with the higher score; no match ends level' },
  red_score: { type: 'int', of: ['match_end'], doc: 'kills and points of red' },
  blue_score: { type: 'int', of: ['match_end'], doc: 'kills and points of blue' },
} as const satisfies Columns<EventType>;

interface Values {
  string: string;
  int: number;
  bigint: number;
  double: number;
  timestamp: string;
}
type InAll<C extends Columns> = { [Name in keyof C as C[Name]['of'] extends 'all' ? Name : never]: Values[C[Name]['type']] };
type InSome<C extends Columns> = { [Name in keyof C as C[Name]['of'] extends 'all' ? never : Name]?: Values[C[Name]['type']] };

/** An event as an object; what its type does not carry is left out. */
export interface GameEvent extends InAll<typeof EVENT>, InSome<typeof EVENT> {
  event_type: EventType;
}

/** What Flink calls a type of column. */
export const FLINK = { string: 'STRING', int: 'INT', bigint: 'BIGINT', double: 'DOUBLE', timestamp: 'TIMESTAMP(3)' } as const;
/** What a crawl calls it; of whole numbers it takes the narrowest that fits. */
export const GLUE = { string: 'string', int: 'int or bigint', bigint: 'int or bigint', double: 'double', timestamp: 'string' } as const;

/** The columns of a CREATE TABLE of Flink, taken out of `line`, the JSON text of a record: one a line, comma between. What is not there, or no JSON, is NULL. */
export const flinkColumns = (columns: Columns = EVENT): string =>
  Object.entries(columns)
    .map(([name, { type }]) => `${name} AS ${outOfLine(name, type)}`)
    .join(',\n  ');

/** A field out of `line` in Flink's SQL; NULL where it is not there, or of another type. */
export function outOfLine(name: string, type: Column['type']): string {
  const text = `JSON_VALUE(line, '$.${name}')`;
  if (type === 'string') return text;
  return `TRY_CAST(${type === 'timestamp' ? `REPLACE(${text}, 'T', ' ')` : text} AS ${FLINK[type]})`;
}

/** The columns that a crawl finds, with Glue's types. */
export const glueColumns = (columns: Columns = EVENT): Record<string, string> =>
  Object.fromEntries(Object.entries(columns).map(([name, { type }]) => [name, GLUE[type]]));

/** The columns that events of one type always carry, and those that they may. */
export function columnsOf(eventType: string, columns: Columns = EVENT): { always: string[]; sometimes: string[] } {
  const carried = Object.entries(columns).filter(([, { of }]) => of === 'all' || of.includes(eventType));
  const names = (sometimes: boolean) => carried.flatMap(([name, { only }]) => ((only !== undefined) === sometimes ? [name] : []));
  return { always: names(false), sometimes: names(true) };
}
