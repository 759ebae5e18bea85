import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Call } from './call-log.ts';
import { CONTROL } from './control.ts';
import type { Count, FaultPlan } from './faults.ts';
import type { Drawn } from './profile.ts';
import { Sha256 } from './signature.ts';

/** Where a local AWS answers, and by which keys. */
export interface ControlTarget {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  /** Milliseconds after which a question counts as not answered; 20 s unless told. */
  answerWithin?: number;
}

const ANSWER_MS = 20_000;

/** Steers a running local AWS from outside. Each question throws with the refusal in its own words, or when there is no answer in time. */
export function controlOf({ endpoint, region, credentials, answerWithin = ANSWER_MS }: ControlTarget) {
  const signer = new SignatureV4({ credentials, region, service: CONTROL, sha256: Sha256 });
  const ask = async <Answer>(path: string, question?: unknown): Promise<Answer> => {
    const { hostname, port, host } = new URL(endpoint);
    const body = question === undefined ? '' : JSON.stringify(question);
    const request = new HttpRequest({ method: 'POST', protocol: 'http:', hostname, port: Number(port), path, headers: { host }, body });
    const { headers } = await signer.sign(request);
    const { host: _, ...sent } = headers;
    const answer = await fetch(new URL(path, endpoint), { method: 'POST', headers: sent, body, signal: AbortSignal.timeout(answerWithin) });
    const said = await answer.text();
    if (!answer.ok) throw new Error(refusalIn(said) ?? `HTTP ${answer.status} ${said}`.trim());
    return JSON.parse(said) as Answer;
  };
  return {
    /** Replaces the fault plan. */
    faults: (plan: FaultPlan) => ask<Count[]>('/faults', plan),
    counts: () => ask<Count[]>('/faults/counts'),
    calls: () => ask<Call[]>('/calls'),
    clearCalls: () => ask<object>('/calls/clear'),
    drawn: () => ask<Drawn[]>('/drawn'),
  };
}

/** The words of a refusal: `error` of the JSON that the test bed itself answers with; undefined of what anybody else answers. */
function refusalIn(body: string): string | undefined {
  try {
    return (JSON.parse(body) as { error?: string }).error;
  } catch {
    return undefined;
  }
}
