import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Aws, AwsError } from '../aws.ts';
import { PAGE_HEADERS } from '../pages.ts';
import type { IncomingRequest } from '../signature.ts';
import type { Reply } from '../wire.ts';
import { dashboardOf, versionOf } from './dashboards.ts';
import { ExpressionError } from './expression.ts';
import { type Choices, loadDashboard } from './load.ts';
import { controlValues, viewOf } from './view.ts';

/**
 * Serves the dashboards below `/quicksight/`, to those who came by an embed URL:
 * `dashboards/<id>` is the page; `…/view` its layout, `…/values` what its lists offer and `…/data` what its visuals show, as JSON.
 * `data` takes choices as `f.<filter>=<value>` (repeated for several) and `p.<parameter>=<value>`; an embed URL with `/data` behind its path gives the same without a browser.
 */
export function servePages(aws: Aws): void {
  aws.pages.serve('quicksight', 'quicksight-session', (request) => answer(aws, request));
}

async function answer(aws: Aws, request: IncomingRequest): Promise<Reply> {
  const [, , folder, name = '', part = ''] = request.path.split('/');
  if (request.method !== 'GET') return text(405, 'Only GET is served here.\n');
  if (folder === 'assets') return asset(name);
  if (folder !== 'dashboards') return text(404, 'There is no such page.\n');
  try {
    const dashboard = dashboardOf(aws, decodeURIComponent(name));
    const { definition, number: version } = versionOf(aws, dashboard, {});
    if (part === 'view') return json(viewOf(aws, definition, { id: dashboard.id, name: dashboard.name, version }));
    if (part === 'values') return json(await controlValues(aws, definition));
    if (part === 'data') return json(await loadDashboard(aws, definition, choices(request)));
    if (part !== '') return text(404, 'There is no such page.\n');
    return request.query.authToken === undefined ? file('page.html', 'text/html; charset=utf-8') : withoutToken(request);
  } catch (error) {
    if (error instanceof AwsError) return json({ error: error.message }, error.code === 'ResourceNotFoundException' ? 404 : 400);
    if (error instanceof ExpressionError) return json({ error: error.message }, 400);
    throw error;
  }
}

/** The secret leaves the address bar; the cookie that goes with this answer replaces it. */
function withoutToken({ path, query }: IncomingRequest): Reply {
  const rest = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (key !== 'authToken') for (const each of [value].flat()) rest.append(key, each);
  const search = rest.size > 0 ? `?${rest}` : '';
  return { status: 303, headers: { ...PAGE_HEADERS, location: `${path}${search}` }, body: '' };
}

function choices({ query }: IncomingRequest): Choices {
  const chosen: Choices = { filters: {}, parameters: {} };
  for (const [key, value] of Object.entries(query)) {
    if (key.startsWith('f.')) chosen.filters[key.slice(2)] = [value].flat();
    if (key.startsWith('p.')) chosen.parameters[key.slice(2)] = [value].flat();
  }
  return chosen;
}

async function asset(name: string): Promise<Reply> {
  if (name === 'page.css') return file('page.css', 'text/css; charset=utf-8');
  if (name !== 'page.js') return text(404, 'There is no such file.\n');
  script ??= bundle().catch((error: Error) => {
    script = undefined;
    throw error;
  });
  return { status: 200, headers: { ...PAGE_HEADERS, 'content-type': 'text/javascript; charset=utf-8' }, body: await script };
}

let script: Promise<Uint8Array> | undefined;

/** The page's script with ECharts in it, made once a process, when first asked for. */
async function bundle(): Promise<Uint8Array> {
  const esbuild = await import('esbuild');
  const { outputFiles } = await esbuild.build({
    entryPoints: [inPage('main.ts')],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    write: false,
    legalComments: 'eof',
  });
  await esbuild.stop();
  return outputFiles[0]!.contents;
}

const inPage = (name: string) => fileURLToPath(new URL(`./page/${name}`, import.meta.url));

const file = async (name: string, type: string): Promise<Reply> => ({
  status: 200,
  headers: { ...PAGE_HEADERS, 'content-type': type },
  body: await readFile(inPage(name)),
});
const text = (status: number, body: string): Reply => ({
  status,
  headers: { ...PAGE_HEADERS, 'content-type': 'text/plain; charset=utf-8' },
  body,
});
const json = (value: unknown, status = 200): Reply => ({
  status,
  headers: { ...PAGE_HEADERS, 'content-type': 'application/json' },
  body: JSON.stringify(value),
});
