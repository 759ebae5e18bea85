import { type Aws, AwsError } from './aws.ts';
import type { Reply } from './wire.ts';

/** The name that requests to the test bed itself are signed for; no service of AWS has it. */
export const CONTROL = 'd2d-control';

/** What the test bed is asked, by the path of the request; bodies are JSON. */
const COMMANDS: Record<string, (aws: Aws, body: unknown) => unknown> = {
  /** Replaces the fault plan; `{"rules": []}` ends all faults. */
  '/faults': (aws, body) => {
    aws.faults.put(body);
    return aws.faults.counts();
  },
  '/faults/counts': (aws) => aws.faults.counts(),
  '/calls': (aws) => aws.calls.all(),
  '/calls/clear': (aws) => aws.calls.clear(),
  '/drawn': (aws) => aws.drawn(),
};

/** Answers a signed request to the test bed. */
export function control(aws: Aws, path: string, body: Buffer): Reply {
  const command = COMMANDS[path];
  const headers = { 'content-type': 'application/json' };
  try {
    if (!command) throw new Error(`the test bed has no ${path}; it has ${Object.keys(COMMANDS).join(', ')}`);
    const answer = command(aws, body.length > 0 ? JSON.parse(body.toString('utf8')) : undefined);
    return { status: 200, headers, body: JSON.stringify(answer ?? {}) };
  } catch (error) {
    if (error instanceof AwsError) throw error;
    return { status: 400, headers, body: JSON.stringify({ error: (error as Error).message }) };
  }
}
