/** Every place an event passes, counted. The names are those of the machine-readable report. */
export interface Audit {
  generated: number;
  inStream: number;
  inS3: number;
  inAthena: number;
  /** Generated events that some place lacks; the largest of these gaps. */
  lost: number;
  /** Copies that a question in Athena would count twice. */
  duplicates: number;
  /** Copies in the raw stream, of events that were sent again since nobody knew what had become of them. */
  resent: number;
  heartbeats: number;
  killsGenerated: number;
  /** Absent on AWS, where the page gives its data to nobody else. */
  killsOnDashboard?: number;
  windowsChecked: number;
  windowsWrong: number;
  /** Place by place, what was found of what was sent. */
  places: PlaceCount[];
  /** What in Athena is not as it was sent, in words. */
  wrongInAthena: string[];
  /** Bytes that Athena scanned for it. */
  bytesScanned: number;
  /** When it was made, and from when on events were counted, milliseconds since the epoch. */
  at: number;
  since: number;
}

/** What one place holds. */
export interface PlaceCount {
  place: string;
  events: number;
  missing: number;
  altered: number;
  copies: { onPurpose: number; resent: number; unexplained: number };
  malformed: number;
  /** Ids of the first few, by what is wrong with them. */
  examples: { missing: string[]; twice: string[]; altered: string[] };
}

/** What does not agree, each in words; empty when all does. */
export function mismatches(report: Audit): string[] {
  const { generated, inStream, inS3, inAthena, lost, duplicates, killsGenerated, killsOnDashboard, windowsChecked, windowsWrong } = report;
  const faults: string[] = [];
  const differ = (name: string, found: number, wanted: number) =>
    found !== wanted && faults.push(`${name} is ${found}, but ${wanted} were generated`);
  differ('inStream', inStream, generated);
  differ('inS3', inS3, generated);
  differ('inAthena', inAthena, generated);
  if (lost !== 0) faults.push(`lost is ${lost}, not 0`);
  if (duplicates !== 0) faults.push(`duplicates is ${duplicates}, not 0`);
  faults.push(...report.places.flatMap((place) => placeFaults(place, report.places)));
  faults.push(...report.wrongInAthena.map((line) => `Athena: ${line}`));
  if (killsOnDashboard !== undefined) differ('killsOnDashboard', killsOnDashboard, killsGenerated);
  if (windowsChecked === 0) faults.push('windowsChecked is 0: no window has closed');
  if (windowsWrong !== 0) faults.push(`windowsWrong is ${windowsWrong}, not 0`);
  return faults;
}

/** What is wrong in one place, event by event as far as they are named; an event that is missing here is looked for in the other places. */
function placeFaults({ place, missing, altered, copies, examples }: PlaceCount, all: PlaceCount[]): string[] {
  const faults: string[] = [];
  const say = (count: number, what: string, ids: string[]) =>
    count > 0 && faults.push(`${place}: ${count} ${what}: ${ids.join(', ')}${count > ids.length ? ', …' : ''}`);
  const whereabouts = (id: string) => {
    const others = all.filter((other) => other.place !== place && !other.examples.missing.includes(id)).map((other) => other.place);
    return others.length > 0 ? `${id} (it is in the ${others.join(' and ')})` : `${id} (it is nowhere)`;
  };
  say(missing, 'missing', examples.missing.map(whereabouts));
  say(altered, 'altered', examples.altered);
  say(copies.unexplained, 'there more often than they were sent', examples.twice);
  return faults;
}
