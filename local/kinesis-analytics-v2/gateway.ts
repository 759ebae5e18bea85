import { setTimeout as delay } from 'node:timers/promises';
import { innermostCause } from './job.ts';

/** One page of a statement's answer; `next` is absent after the last. */
export interface ResultPage {
  jobId?: string;
  isQuery: boolean;
  columns: string[];
  rows: { kind: string; fields: unknown[] }[];
  ready: boolean;
  next?: string;
}

/** A session on Flink's SQL Gateway: what one `CREATE` or `SET` leaves, the next statement sees. */
export interface GatewaySession {
  /** Submits a statement and resolves with its operation's handle; `config` holds for this statement alone. */
  execute(statement: string, config?: Record<string, string>): Promise<string>;
  /** Pages of the answer, from the first; ends with the last, which a streaming SELECT does not have. Throws Flink's own message. */
  results(operation: string, signal: AbortSignal): AsyncGenerator<ResultPage>;
  /** Ends the operation; the job of a SELECT with it, the job of an INSERT not. */
  close(operation: string): Promise<void>;
}

const WAIT_MS = { first: 20, most: 500 };

/** Opens a session that lasts as long as the gateway. */
export async function openSession(gatewayUrl: string, properties: Record<string, string>): Promise<GatewaySession> {
  const { sessionHandle } = (await request(`${gatewayUrl}/v3/sessions`, { method: 'POST', body: JSON.stringify({ properties }) })) as {
    sessionHandle: string;
  };
  const session = `${gatewayUrl}/v3/sessions/${sessionHandle}`;
  return {
    execute: async (statement, executionConfig = {}) => {
      const body = JSON.stringify({ statement, executionConfig });
      return ((await request(`${session}/statements`, { method: 'POST', body })) as { operationHandle: string }).operationHandle;
    },
    results: (operation, signal) => pages(gatewayUrl, `${session}/operations/${operation}/result/0?rowFormat=JSON`, signal),
    close: async (operation) => {
      await request(`${session}/operations/${operation}/close`, { method: 'DELETE' });
    },
  };
}

async function* pages(gatewayUrl: string, first: string, signal: AbortSignal): AsyncGenerator<ResultPage> {
  let wait = WAIT_MS.first;
  for (let address: string | undefined = first; address !== undefined; ) {
    const page = pageOf((await request(address, { signal })) as RawPage);
    if (page.ready) yield page;
    address = page.ready ? page.next && gatewayUrl + page.next : address;
    // The gateway has no long poll: an operation that is not ready, or a stream that is silent, is asked again.
    if (address !== undefined && page.rows.length === 0) await delay(wait, undefined, { signal });
    wait = page.rows.length > 0 ? WAIT_MS.first : Math.min(wait * 2, WAIT_MS.most);
  }
}

interface RawPage {
  resultType: 'NOT_READY' | 'PAYLOAD' | 'EOS';
  isQueryResult?: boolean;
  jobID?: string;
  nextResultUri?: string;
  results?: { columns: { name: string }[]; data: { kind: string; fields: unknown[] }[] };
}

const pageOf = (raw: RawPage): ResultPage => ({
  ...(raw.jobID && { jobId: raw.jobID }),
  isQuery: raw.isQueryResult ?? false,
  columns: raw.results?.columns.map(({ name }) => name) ?? [],
  rows: raw.results?.data ?? [],
  ready: raw.resultType !== 'NOT_READY',
  ...(raw.nextResultUri && { next: raw.nextResultUri }),
});

/** JSON from Flink's REST, or Flink's own reason as the error. */
async function request(address: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(address, { ...init, headers: { 'content-type': 'application/json' } });
  const body = await response.text();
  if (response.ok) return body === '' ? {} : JSON.parse(body);
  const trace = (JSON.parse(body) as { errors?: string[] }).errors?.at(-1);
  throw new Error(
    trace === undefined ? `${response.status} from ${new URL(address).pathname}: ${body.slice(0, 500)}` : innermostCause(trace),
  );
}
