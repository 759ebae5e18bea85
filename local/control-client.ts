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
}

/** Steers a running local AWS from outside. */
export function controlOf({ endpoint, region, credentials }: ControlTarget) {
  const signer = new SignatureV4({ credentials, region, service: CONTROL, sha256: Sha256 });
  const ask = async <Answer>(path: string, question?: unknown): Promise<Answer> => {
    const { hostname, port, host } = new URL(endpoint);
    const body = question === undefined ? '' : JSON.stringify(question);
    const request = new HttpRequest({ method: 'POST', protocol: 'http:', hostname, port: Number(port), path, headers: { host }, body });
    const { headers } = await signer.sign(request);
    const { host: _, ...sent } = headers;
    const answer = await fetch(new URL(path, endpoint), { method: 'POST', headers: sent, body });
    const said = (await answer.json()) as Answer & { error?: string };
    if (!answer.ok) throw new Error(said.error ?? `the test bed answered ${answer.status}`);
    return said;
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
