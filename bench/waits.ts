import { GetQueryExecutionCommand } from '@aws-sdk/client-athena';
import { ListCrawlsCommand } from '@aws-sdk/client-glue';
import { DescribeApplicationOperationCommand, ListApplicationOperationsCommand } from '@aws-sdk/client-kinesis-analytics-v2';
import { DescribeIngestionCommand } from '@aws-sdk/client-quicksight';
import type { Clients } from '../activities/aws.ts';
import type { Transition } from '../local/profile.ts';
import type { Local } from '../local/start.ts';

/** What is waited for. */
export const KINDS = ['application', 'crawl', 'query', 'ingestion'] as const;
export type Kind = (typeof KINDS)[number];

/** A wait that has ended: `id` is the name of the application or crawler, the execution's id, or `<data set>/<ingestion>`; `seen` in milliseconds since the epoch. */
export interface Seen {
  kind: Kind;
  id: string;
  seen: number;
}

/** A wait as it was: when AWS took it up and had it ready, and when it was asked, up to the look that saw it; milliseconds since the epoch. */
export interface Wait extends Seen {
  began: number;
  ready: number;
  looks: number[];
}

/** Adds to what a side saw what AWS knows of it. */
export async function asAwsKnows({ kind, id, seen }: Seen, local: Local, aws: Clients): Promise<Wait> {
  const drawn = (transition: Transition) =>
    local.drawn().findLast((each) => each.transition === transition && `${each.id}/`.startsWith(`${id}/`))!.milliseconds;
  const { began, ready } = await TIMES[kind](id, { ...aws, account: local.account, drawn });
  const { operation, of } = LOOK[kind];
  const all = local.calls.all().filter((call) => call.operation === operation && call.at >= began && of(call.input as Input) === id);
  const looks = all.map(({ at }) => at);
  return { kind, id, seen, began, ready, looks: looks.slice(0, looks.findIndex((at) => at >= ready) + 1) };
}

type Input = Record<string, string>;

/** What each kind is looked at by, and what such a call is about. */
const LOOK: Record<Kind, { operation: string; of(input: Input): string | undefined }> = {
  application: { operation: 'DescribeApplication', of: ({ ApplicationName }) => ApplicationName },
  crawl: { operation: 'GetCrawler', of: ({ Name }) => Name },
  query: { operation: 'GetQueryExecution', of: ({ QueryExecutionId }) => QueryExecutionId },
  ingestion: { operation: 'DescribeIngestion', of: ({ DataSetId, IngestionId }) => `${DataSetId}/${IngestionId}` },
};

/** `drawn`: milliseconds that such a transition of the thing took. */
type Asked = Clients & { account: string; drawn(transition: Transition): number };

/** By AWS's own times where it tells them to the millisecond, else by its beginning and the duration that was drawn. */
const TIMES: Record<Kind, (id: string, aws: Asked) => Promise<Pick<Wait, 'began' | 'ready'>>> = {
  application: async (ApplicationName, { kinesisAnalyticsV2, drawn }) => {
    const { ApplicationOperationInfoList: [start] = [] } = await kinesisAnalyticsV2.send(
      new ListApplicationOperationsCommand({ ApplicationName, Operation: 'StartApplication', Limit: 1 }),
    );
    const { ApplicationOperationInfoDetails: told } = await kinesisAnalyticsV2.send(
      new DescribeApplicationOperationCommand({ ApplicationName, OperationId: start!.OperationId }),
    );
    const began = told!.StartTime!.getTime();
    return { began, ready: Math.max(told!.EndTime!.getTime(), began + drawn('application start')) };
  },
  crawl: async (CrawlerName, { glue, drawn }) => {
    const { Crawls: [last] = [] } = await glue.send(new ListCrawlsCommand({ CrawlerName, MaxResults: 1 }));
    return { began: last!.StartTime!.getTime(), ready: last!.EndTime!.getTime() + drawn('crawler stop') };
  },
  query: async (QueryExecutionId, { athena }) => {
    const { QueryExecution } = await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }));
    const { SubmissionDateTime: began, CompletionDateTime: ready } = QueryExecution!.Status!;
    return { began: began!.getTime(), ready: ready!.getTime() };
  },
  ingestion: async (id, { quicksight, account: AwsAccountId, drawn }) => {
    const [DataSetId, IngestionId] = id.split('/');
    const { Ingestion } = await quicksight.send(new DescribeIngestionCommand({ AwsAccountId, DataSetId, IngestionId }));
    const began = Ingestion!.CreatedTime!.getTime();
    return { began, ready: began + drawn('ingestion') };
  },
};
