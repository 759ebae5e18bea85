import { createHash, randomBytes } from 'node:crypto';
import type { Table } from './journal.ts';
import type { IncomingRequest } from './signature.ts';
import type { Reply } from './wire.ts';

/** Answers requests below one path prefix for whoever holds a session for it. `session` is what the URL was issued for. */
export type PageHandler = (request: IncomingRequest, session: { subject: string }) => Reply | Promise<Reply>;

/** The parts of the local AWS that a browser uses (the Studio notebook, the dashboard): entered by an issued URL, then by its cookie. */
export interface Pages {
  /** Registers the handler of everything below `/<prefix>/`, with the name of its session cookie. */
  serve(prefix: string, cookie: string, handler: PageHandler): void;
  /** A URL path with a secret that opens a session for `subject` at `/<prefix><path>`, for `seconds`; usable until then. */
  issue(prefix: string, path: string, subject: string, seconds: number): string;
  serves(path: string): boolean;
  answer(request: IncomingRequest): Promise<Reply>;
}

interface Session {
  prefix: string;
  subject: string;
  expires: number;
}

/** Pages whose sessions live in `sessions`, kept by the hash of their secret. */
export function openPages(sessions: Table<Session>, now: () => number): Pages {
  const handlers = new Map<string, { cookie: string; handler: PageHandler }>();
  const prefixOf = (path: string) => path.split('/')[1] ?? '';
  const sessionOf = (secret: string | undefined, prefix: string) => {
    const session = secret === undefined ? undefined : sessions.get(hash(secret));
    return session && session.prefix === prefix && session.expires > now() ? session : undefined;
  };
  return {
    serve: (prefix, cookie, handler) => void handlers.set(prefix, { cookie, handler }),
    issue: (prefix, path, subject, seconds) => {
      for (const [key, { expires }] of sessions.entries()) if (expires <= now()) sessions.delete(key);
      const secret = randomBytes(32).toString('base64url');
      sessions.set(hash(secret), { prefix, subject, expires: now() + seconds * 1000 });
      return `/${prefix}${path}?authToken=${secret}`;
    },
    serves: (path) => handlers.has(prefixOf(path)),
    answer: async (request) => {
      const prefix = prefixOf(request.path);
      const { cookie, handler } = handlers.get(prefix)!;
      const offered = request.query.authToken;
      const token = typeof offered === 'string' ? offered : undefined;
      const session = sessionOf(token ?? cookies(request)[cookie], prefix);
      if (!session)
        return { status: 403, headers: { 'content-type': 'text/plain' }, body: 'This page wants a fresh link: run `npx d2d open`.\n' };
      try {
        const reply = await handler(request, session);
        if (token === undefined) return reply;
        const setCookie = `${cookie}=${token}; Path=/${prefix}; HttpOnly; SameSite=Strict`;
        return { ...reply, headers: { ...reply.headers, 'set-cookie': setCookie } };
      } catch (error) {
        const message = (error as Error).message;
        return {
          status: 500,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ exception: (error as Error).name, message }),
        };
      }
    },
  };
}

/** Headers every page and script of ours carries: nothing from elsewhere, nothing framed, nothing sniffed. */
export const PAGE_HEADERS: Record<string, string> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

const hash = (secret: string) => createHash('sha256').update(secret).digest('hex');

function cookies({ headers }: IncomingRequest): Record<string, string | undefined> {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim().split('='));
  return Object.fromEntries(pairs.map(([name = '', value]) => [name, value]));
}
