import { setTimeout as delay } from 'node:timers/promises';

const LOOK_MS = 500;

/** Resolves when a Flink job has finished; throws its root cause when it failed. When `signal` aborts, the job is cancelled, and then this throws. */
export async function jobFinished(restUrl: string, job: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { state } = (await get(`${restUrl}/jobs/${job}`)) as { state: string };
    if (state === 'FINISHED') return;
    if (state === 'FAILED') throw new Error(await rootCause(restUrl, job));
    if (state === 'CANCELED') throw new DOMException(`Flink job ${job} was cancelled.`, 'AbortError');
    if (signal.aborted) await cancel(restUrl, job, state);
    // Flink has no call that waits for a job's end.
    await delay(signal.aborted ? LOOK_MS / 10 : LOOK_MS, undefined, { signal: signal.aborted ? undefined : signal }).catch(() => undefined);
  }
}

async function cancel(restUrl: string, job: string, state: string): Promise<void> {
  if (state !== 'CANCELLING') await fetch(`${restUrl}/jobs/${job}?mode=cancel`, { method: 'PATCH' });
}

async function rootCause(restUrl: string, job: string): Promise<string> {
  const exceptions = (await get(`${restUrl}/jobs/${job}/exceptions`)) as { 'root-exception'?: string };
  return innermostCause(exceptions['root-exception'] ?? `Flink job ${job} failed.`);
}

async function get(address: string): Promise<unknown> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${response.status} from Flink's ${new URL(address).pathname}: ${await response.text()}`);
  return response.json();
}

/** The innermost `Caused by` of a Java stack trace: what a person can act on. */
export function innermostCause(trace: string): string {
  const causes = [...trace.matchAll(/^Caused by: (.*(?:\n(?!\tat |\t\.\.\. |Caused by: |End of exception).*)*)/gm)];
  return (causes.at(-1)?.[1] ?? trace.split('\n\tat ')[0] ?? trace).trim();
}
