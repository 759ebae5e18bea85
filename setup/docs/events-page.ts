import { type Columns, columnsOf, EVENT, EVENT_TYPES, type EventType, FLINK, GLUE } from '../../pipeline/schema.ts';
import { heartbeat, laneOf } from '../../pipeline/simulation.ts';

/** events.md as the schema has it. */
export function eventsPage(types: Record<string, string> = EVENT_TYPES, columns: Columns = EVENT, examples: string[] = played()): string {
  return [
    '# Events',
    '',
    'Written by `npm run docs` from `pipeline/schema.ts`; change it there.',
    '',
    'An event is one JSON object. Its fields come in the order of the columns below; what it does not carry is left out.',
    '',
    '## Types',
    '',
    row('type', 'says', 'carries, besides the columns of all'),
    row('---', '---', '---'),
    ...Object.entries(types).map(([type, says]) => row(`\`${type}\``, says, carried(type, columns))),
    '',
    '## Columns',
    '',
    row('column', 'type', 'in Flink', 'in Glue', 'of', 'meaning'),
    row('---', '---', '---', '---', '---', '---'),
    ...Object.entries(columns).map(([name, { type, of, only, doc }]) =>
      row(`\`${name}\``, type, FLINK[type], GLUE[type], [of === 'all' ? of : of.join(', '), only].filter(Boolean).join(', '), doc),
    ),
    '',
    '## As they lie in the stream',
    '',
    '```json',
    ...examples,
    '```',
    '',
  ].join('\n');
}

const row = (...cells: string[]) => `| ${cells.join(' | ')} |`;

function carried(type: string, columns: Columns): string {
  const { always, sometimes } = columnsOf(type, columns);
  const own = always.filter((name) => columns[name]!.of !== 'all');
  return [...own, ...sometimes.map((name) => `${name} (${columns[name]!.only})`)].join(', ') || 'nothing';
}

/** The first event of each type in a game. */
function played(): string[] {
  const start = Date.UTC(2026, 10, 23, 18);
  const trouble = { late: 0, duplicate: 0, malformed: 0, oversized: 0 };
  const events = laneOf({ run: '1a2b3c4d', seed: 1, players: 40, lanes: 1, trouble, lateAfter: 1000 }, 0);
  const types = Object.keys(EVENT_TYPES) as EventType[];
  const first = new Map<EventType, string>([['heartbeat', JSON.stringify(heartbeat('1a2b3c4d', 0, start))]]);
  while (first.size < types.length) {
    const json = events.next(start + events.at * 10);
    const { event_type } = JSON.parse(json) as { event_type: EventType };
    if (!first.has(event_type)) first.set(event_type, json);
  }
  return types.map((type) => first.get(type)!);
}
