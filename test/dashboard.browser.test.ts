import { mkdir } from 'node:fs/promises';
import { CreateIngestionCommand, DescribeIngestionCommand, GenerateEmbedUrlForRegisteredUserCommand } from '@aws-sdk/client-quicksight';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type Clients, clients as clientsOf } from '../activities/aws.ts';
import type { Local } from '../local/start.ts';
import { names } from '../pipeline/names.ts';
import { crawl, deliver, type PlayerWindow, pipeline, standUp, until, windowsFrom } from './dashboard-lake.ts';
import { localAws } from './local-aws.ts';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const MINUTE = Math.floor(Date.now() / 60_000) * 60_000;
/** The page opens with the last half hour. */
const early = windowsFrom(new Date(MINUTE - 24 * 60_000), 12, 10);
const late = windowsFrom(new Date(MINUTE - 4 * 60_000), 12, 10);

let local: Local;
let clients: Clients;
let browser: Browser;
let page: Page;
const requested: string[] = [];
const complaints: string[] = [];

beforeAll(async () => {
  local = await localAws();
  clients = clientsOf(local);
  await standUp(clients, early);
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium', args: FLAGS });
  page = await opened();
});

afterAll(async () => {
  await browser?.close();
  await local.close();
});

async function link(): Promise<string> {
  const { EmbedUrl } = await clients.quicksight.send(
    new GenerateEmbedUrlForRegisteredUserCommand({
      AwsAccountId: pipeline.account,
      UserArn: `arn:aws:quicksight:us-east-1:${pipeline.account}:user/default/local`,
      ExperienceConfiguration: { Dashboard: { InitialDashboardId: names(pipeline).dashboard } },
    }),
  );
  return EmbedUrl!;
}

async function opened(options: { colorScheme?: 'dark'; reducedMotion?: 'reduce' } = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
  const made = await context.newPage();
  made.setDefaultTimeout(45_000);
  made.on('request', (request) => requested.push(request.url()));
  made.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  made.on('pageerror', (error) => complaints.push(error.message));
  await made.goto(await link());
  await made.waitForFunction(() => document.body.dataset.looks !== undefined);
  return made;
}

/** Waits for the page to have looked `more` times again. */
async function looks(more = 1, on = page): Promise<void> {
  const before = await on.evaluate(() => Number(document.body.dataset.looks));
  await on.waitForFunction((wanted) => Number(document.body.dataset.looks) >= wanted, before + more);
}

const visual = (id: string, on = page) => on.locator(`[data-visual="${id}"]`);
const kpiValue = async (id: string) => Number(((await visual(id).locator('.value').textContent()) ?? '').replaceAll(',', ''));
const kills = (rows: PlayerWindow[]) => rows.reduce((sum, row) => sum + row.kills, 0);
const shows = (id: string, value: number) =>
  page.waitForFunction(([of, shown]) => document.querySelector(`[data-visual="${of}"] .value`)?.textContent === shown, [
    id,
    value.toLocaleString('en'),
  ] as const);

async function tableRows(id: string, on = page): Promise<string[][]> {
  return visual(id, on)
    .locator('tbody tr')
    .evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent ?? '')));
}

async function pickFilter(title: string, values: string[]): Promise<void> {
  const picker = page.locator('details.picker').filter({ has: page.getByRole('group', { name: title, exact: true, includeHidden: true }) });
  if ((await picker.getAttribute('open')) === null) await picker.locator('summary').click();
  for (const value of values) await picker.getByRole('checkbox', { name: value, exact: true }).check();
  await page.keyboard.press('Escape');
}

/** The shapes that a chart consists of: lines as paths without a fill, bars as filled ones. */
const shapes = (id: string, color: string) => visual(id).locator(`svg path[stroke="${color}"], svg path[fill="${color}"]`);

describe('the dashboard in a browser', () => {
  it('draws the three charts with their data', async () => {
    expect(await kpiValue('kills-total')).toBe(kills(early));
    expect(await kpiValue('players')).toBe(10);
    for (const color of ['#0072B2', '#E69F00', '#009E73', '#CC79A7', '#56B4E9', '#D55E00'])
      expect(await shapes('player-ratio', color).count()).toBeGreaterThan(0);
    await expect(visual('player-deaths').locator('[role=img]').getAttribute('aria-label')).resolves.toMatch(
      /Bar chart, 10 bars.*most player-/,
    );
    expect(await shapes('player-deaths', '#0072B2').count()).toBe(10);
    expect(await shapes('team-performance', '#009E73').count()).toBeGreaterThanOrEqual(2);
    expect(await shapes('team-ratio', '#D55E00').count()).toBeGreaterThan(0);
    expect(await page.locator('#as-of').textContent()).toMatch(/^Data as of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, \d+ \w+ behind$/);
  });

  it('shows every chart as a table, by keyboard too', async () => {
    const toggle = visual('player-deaths').getByRole('button', { name: 'Table' });
    await toggle.focus();
    await page.keyboard.press('Enter');
    const deaths = early.filter(({ player_id }) => player_id === 'player-4').reduce((sum, row) => sum + row.deaths, 0);
    expect(await tableRows('player-deaths')).toContainEqual(['player-4', String(deaths)]);
    await visual('player-deaths').getByRole('button', { name: 'Chart' }).click();
    await visual('player-deaths').locator('svg').first().waitFor();
    await visual('leaders').getByRole('button', { name: 'Query' }).click();
    await expect(page.locator('#inspect-query').textContent()).resolves.toMatch(/sum\("kills"\)/);
    await page.keyboard.press('Escape');
  });

  it('changes by itself as data arrive', async () => {
    const before = await visual('player-ratio').locator('svg').first().innerHTML();
    await deliver(clients, late, 'late');
    await crawl(clients); // as the schedule does: a new hour is a new partition
    await shows('kills-total', kills(early) + kills(late));
    expect(await visual('player-ratio').locator('svg').first().innerHTML()).not.toBe(before);
  });

  it('filters by player; the choice outlives refresh, reload and a step back and forth', async () => {
    const own = [...early, ...late].filter(({ player_id }) => player_id === 'player-3' || player_id === 'player-4');
    await pickFilter('Player', ['player-3', 'player-4']);
    await shows('kills-total', kills(own));
    expect(new URL(page.url()).search).toBe('?f.player=player-3&f.player=player-4');
    expect(await visual('team-performance').locator('.note').textContent()).toMatch(/not filtered by Player/);
    await looks();
    expect(await kpiValue('kills-total')).toBe(kills(own));
    await page.reload();
    await shows('kills-total', kills(own));
    expect((await tableRows('leaders')).map(([player]) => player).sort()).toEqual(['player-3', 'player-4']);
    await page.goBack();
    await shows('kills-total', kills(own.filter(({ player_id }) => player_id === 'player-3')));
    await page.goForward();
    await shows('kills-total', kills(own));
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await shows('kills-total', kills(early) + kills(late));
  });

  it('filters by team and by time', async () => {
    await pickFilter('Team', ['red']);
    await shows('kills-total', kills([...early, ...late].filter(({ team }) => team === 'red')));
    expect(await page.getByLabel('Time (UTC)').locator('option:checked').textContent()).toBe('Last 30 minutes');
    await page.getByLabel('Time (UTC)').selectOption('Last 15 minutes');
    await shows('kills-total', kills(late.filter(({ team }) => team === 'red')));
    expect(new URL(page.url()).search).toBe('?f.team=red&range=15');
    await page.getByLabel('Time (UTC)').selectOption('From … to …');
    await page.getByLabel('To, UTC').fill(early.at(-1)!.window_end.slice(0, 16));
    await page.getByLabel('To, UTC').press('Tab');
    await shows('kills-total', kills(early.filter(({ team }) => team === 'red')));
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await page.getByLabel('A point every').selectOption('Day');
    await page.waitForFunction(() => Number(document.querySelector<HTMLElement>('[data-visual="player-ratio"]')?.dataset.rows) <= 12);
    await page.getByRole('button', { name: 'Clear filters' }).click();
  });

  it('says in words that nothing matches', async () => {
    await page.goto(`${local.endpoint}/quicksight/dashboards/data2dashboard?p.To=2021-01-01T00:00`);
    await page.getByText('Nothing matches these filters.').first().waitFor();
    await page.goto(`${local.endpoint}/quicksight/dashboards/data2dashboard`);
    await shows('kills-total', kills(early) + kills(late));
  });

  it('lets the last choice win, however late the answer to an earlier one comes', async () => {
    let release = () => {};
    const held = new Promise<void>((go) => {
      release = go;
    });
    await page.route(/data\?f\.player=player-1$/, async (route) => {
      await held;
      await route.continue().catch(() => undefined);
    });
    const own = (player: string) => kills([...early, ...late].filter(({ player_id }) => player_id === player));
    await pickFilter('Player', ['player-1']);
    await page.locator('details.picker summary').first().click();
    await page.locator('details.picker').first().getByRole('button', { name: 'All' }).click();
    await pickFilter('Player', ['player-2']);
    await shows('kills-total', own('player-2'));
    release();
    await looks();
    expect(await kpiValue('kills-total')).toBe(own('player-2'));
    await page.unroute(/data\?f\.player=player-1$/);
    await page.getByRole('button', { name: 'Clear filters' }).click();
  });

  it('asked nobody else, and had nothing to complain of', () => {
    expect(
      requested.filter((url) => !url.startsWith(`${local.endpoint}/`) && !url.startsWith('data:') && !url.startsWith('blob:')),
    ).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('runs no script but its own', async () => {
    const other = await opened({ colorScheme: 'dark' });
    const policy = (await other.request.get(`${local.endpoint}/quicksight/dashboards/data2dashboard`)).headers()['content-security-policy'];
    expect(policy).toMatch(/default-src 'none'; script-src 'self'/);
    const ran = await other.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'document.body.dataset.intruder = "in"';
      document.body.append(script);
      return document.body.dataset.intruder;
    });
    expect(ran).toBeUndefined();
    await other.context().close();
  });

  it('keeps what it shows, and says so, when the server does not answer', async () => {
    await page.route(/\/data/, (route) => route.abort());
    await page.getByText('The local AWS does not answer. It will be asked again.').waitFor();
    expect(await kpiValue('kills-total')).toBe(kills(early) + kills(late));
    await page.unroute(/\/data/);
    await page.locator('#trouble').waitFor({ state: 'hidden' });
  });

  it('goes on with the newest data however many windows there are: a longer range has coarser points', async () => {
    const minute = Math.floor(Date.now() / 60_000) * 60_000;
    const hour = windowsFrom(new Date(minute - 58 * 60_000), 240, 2);
    await deliver(clients, hour, 'hour');
    await crawl(clients);
    await page.getByLabel('Time (UTC)').selectOption('Last hour');
    const label = () => visual('team-ratio').locator('[role=img]').getAttribute('aria-label');
    await page.waitForFunction(() =>
      /2 lines, 4\d points/.test(document.querySelector('[data-visual="team-ratio"] [role=img]')?.ariaLabel ?? ''),
    );
    const before = await label();
    await deliver(clients, windowsFrom(new Date(minute - 60_000), 6, 2), 'newest');
    await crawl(clients);
    await page.waitForFunction((was) => document.querySelector('[data-visual="team-ratio"] [role=img]')?.ariaLabel !== was, before);
    expect(await visual('team-ratio').locator('.note').textContent()).not.toMatch(/more are shown/);
    await page.getByRole('button', { name: 'Clear filters' }).click();
  });
});

const picture = process.env.SCREENSHOT ? it : it.skip;
picture('has its picture taken for the README', async () => {
  await deliver(clients, windowsFrom(new Date(MINUTE - 29 * 60_000), 174, 40), 'picture');
  await crawl(clients);
  const id = { AwsAccountId: pipeline.account, DataSetId: names(pipeline).dataSets.history, IngestionId: 'picture' };
  await clients.quicksight.send(new CreateIngestionCommand(id));
  const isLoaded = async () => (await clients.quicksight.send(new DescribeIngestionCommand(id))).Ingestion?.IngestionStatus === 'COMPLETED';
  await until(isLoaded, 'the ingestion');
  const shot = await opened({ reducedMotion: 'reduce' });
  await looks(1, shot);
  await shot.waitForFunction(() => document.body.dataset.asking === undefined);
  await mkdir('docs', { recursive: true });
  await shot.screenshot({ path: 'docs/dashboard.png', fullPage: true, animations: 'disabled' });
  await shot.context().close();
});
