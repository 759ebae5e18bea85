import { readFile } from 'node:fs/promises';
import type { Call } from '../local/call-log.ts';

/** What a call names its thing by. */
const NAMES = [
  'StreamName',
  'DeliveryStreamName',
  'RoleName',
  'ApplicationName',
  'Bucket',
  'logGroupName',
  'DashboardId',
  'AnalysisId',
  'DataSetId',
  'DataSourceId',
  'Name',
];

/** As `madeTwiceIn`, of a call log on disk (JSON lines). */
export async function madeTwice(file: string): Promise<string[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line.endsWith('}'));
  return madeTwiceIn(lines.map((line) => JSON.parse(line) as Call));
}

/** Things that were created again without having been deleted in between: each once, as 'kinesis Stream game'. */
export function madeTwiceIn(calls: Call[]): string[] {
  const standing = new Map<string, unknown>();
  const twice = new Set<string>();
  for (const { service, operation, input, outcome } of calls) {
    const [, verb, kind] = /^(Create|Delete)(\w+)$/.exec(operation) ?? [];
    if (kind === undefined || (outcome !== 'ok' && outcome !== 'lost') || APART.includes(kind)) continue;
    const thing = `${service} ${kind} ${nameIn(input as Record<string, unknown>)}`;
    const { ClientRequestToken: token } = input as { ClientRequestToken?: string };
    // With the same token it is the same creation, answered again.
    const isAgain = token !== undefined && standing.get(thing) === token;
    if (verb === 'Delete') standing.delete(thing);
    else if (standing.has(thing) && !isAgain) twice.add(thing);
    else standing.set(thing, token);
  }
  return [...twice];
}

/** Parts of a thing, what is made anew each time by its nature, and buckets: in us-east-1 a second creation is answered with the bucket that is there. */
const APART = ['Bucket', 'LogStream', 'Ingestion', 'ApplicationPresignedUrl', 'MultipartUpload', 'Partition', 'Table'];

function nameIn(input: Record<string, unknown>): string {
  const { DatabaseInput, WorkGroup } = input as { DatabaseInput?: { Name?: string }; WorkGroup?: string };
  if (DatabaseInput?.Name) return DatabaseInput.Name;
  const key = NAMES.find((name) => typeof input[name] === 'string');
  // Named queries are deleted by an id: their names may repeat in another workgroup, and only there.
  return key === undefined ? JSON.stringify(input) : `${WorkGroup ?? ''} ${input[key]}`;
}
