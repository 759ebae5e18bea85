import { GenerateEmbedUrlForRegisteredUserCommand } from '@aws-sdk/client-quicksight';
import { HISTORY_VISUAL, KILLS_VISUAL } from '../../pipeline/dashboard-visuals.ts';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';

/** What the local dashboard page fetches to draw itself. */
export interface DashboardData {
  asOf: string | null;
  lagSeconds: number | null;
  visuals: { visualId: string; columns: { name: string }[]; rows: (string | number | null)[][]; error?: string }[];
}

/** A fresh link to the local dashboard page, with a session of ten hours. */
export async function dashboardUrl({ quicksight }: Pick<Clients, 'quicksight'>, pipeline: Pipeline): Promise<string> {
  const { EmbedUrl } = await quicksight.send(
    new GenerateEmbedUrlForRegisteredUserCommand({
      AwsAccountId: pipeline.account,
      UserArn: pipeline.quicksightPrincipal ?? `arn:aws:quicksight:${pipeline.region}:${pipeline.account}:user/default/local`,
      SessionLifetimeInMinutes: 600,
      ExperienceConfiguration: { Dashboard: { InitialDashboardId: names(pipeline).dashboard } },
    }),
  );
  return EmbedUrl!;
}

/** The data behind every visual, by the page's own request: of all since a time (milliseconds since the epoch), not only of the range that the page opens with. */
async function dashboardData(clients: Pick<Clients, 'quicksight'>, pipeline: Pipeline, since: number): Promise<DashboardData> {
  const url = new URL(await dashboardUrl(clients, pipeline));
  url.pathname = `${url.pathname}/data`;
  url.searchParams.set('p.From', new Date(since).toISOString());
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`the dashboard's data: HTTP ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as DashboardData;
}

/** Whether the dashboard shows any kills: of the last day, or in its history. */
export async function hasKillsOnDashboard(clients: Pick<Clients, 'quicksight'>, pipeline: Pipeline): Promise<boolean> {
  const data = await dashboardData(clients, pipeline, 0);
  const history = data.visuals.find(({ visualId }) => visualId === HISTORY_VISUAL);
  return killsIn(data) > 0 || (history !== undefined && history.rows.length > 0);
}

/** The kills that the dashboard shows of all since a time (milliseconds since the epoch), a day back at most. */
export const killsOnDashboard = async (clients: Pick<Clients, 'quicksight'>, pipeline: Pipeline, since: number): Promise<number> =>
  killsIn(await dashboardData(clients, pipeline, since));

function killsIn({ visuals }: DashboardData): number {
  const kills = visuals.find(({ visualId }) => visualId === KILLS_VISUAL);
  if (!kills || kills.error !== undefined)
    throw new Error(`the dashboard shows no kills: ${kills?.error ?? `it has no visual '${KILLS_VISUAL}'`}`);
  return Number(kills.rows[0]?.[0] ?? 0);
}
