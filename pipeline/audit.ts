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
  /** Copies in the raw stream. */
  resent: number;
  heartbeats: number;
  killsGenerated: number;
  /** Absent on AWS, where the page gives its data to nobody else. */
  killsOnDashboard?: number;
  windowsChecked: number;
  windowsWrong: number;
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
  if (killsOnDashboard !== undefined) differ('killsOnDashboard', killsOnDashboard, killsGenerated);
  if (windowsChecked === 0) faults.push('windowsChecked is 0: no window has closed');
  if (windowsWrong !== 0) faults.push(`windowsWrong is ${windowsWrong}, not 0`);
  return faults;
}
