import type { Aws } from '../aws.ts';
import { PAGE_HEADERS } from '../pages.ts';
import type { Reply } from '../wire.ts';
import { URL_PREFIX } from './presigned-url.ts';
import { studioOf } from './studio.ts';

/** Flink's page loads its style sheet by one inline handler, which is allowed by its hash alone, and sets its own base. */
const FLINK_HEADERS = {
  ...PAGE_HEADERS,
  'content-security-policy': PAGE_HEADERS['content-security-policy']!.replace(
    "script-src 'self'",
    "script-src 'self' 'unsafe-hashes' 'sha256-MhtPZXr7+LpJUY5qtMutB+qWfQtMaPccfe7QXtCcEYc='",
  ).replace("base-uri 'none'", "base-uri 'self'"),
};

/** Serves Flink's own web UI and REST, to read, behind the presigned URL of type FLINK_DASHBOARD_URL. */
export function serveFlinkDashboard(aws: Aws): void {
  const prefix = URL_PREFIX.FLINK_DASHBOARD_URL;
  aws.pages.serve(prefix, 'VerifiedAuthToken', async ({ method, path, query }, { subject }): Promise<Reply> => {
    const cluster = studioOf(aws, subject)?.cluster;
    if (!cluster) return { status: 403, headers: { 'content-type': 'text/plain' }, body: `Application ${subject} is not RUNNING.\n` };
    if (method !== 'GET') return { status: 405, headers: { allow: 'GET' }, body: '' };
    const address = new URL(cluster.flink.restUrl + (path.slice(prefix.length + 1) || '/'));
    for (const [key, value] of Object.entries(query))
      if (key !== 'authToken') for (const item of [value].flat()) address.searchParams.append(key, item);
    const response = await fetch(address, { redirect: 'manual' });
    const headers = { ...FLINK_HEADERS, 'content-type': response.headers.get('content-type') ?? 'application/octet-stream' };
    return { status: response.status, headers, body: Buffer.from(await response.arrayBuffer()) };
  });
}
