import type {
  CancelIngestionRequest,
  CancelIngestionResponse,
  CreateIngestionRequest,
  CreateIngestionResponse,
  DescribeIngestionRequest,
  DescribeIngestionResponse,
  IngestionRequestType,
  ListIngestionsRequest,
  ListIngestionsResponse,
} from '@aws-sdk/client-quicksight';
import { DAY_MS } from '../../pipeline/time.ts';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { assetArn, type DataSet, dataSets, ingestions, page, type StoredIngestion } from './assets.ts';
import { dataSetOf } from './data-sets.ts';
import { load, tidy } from './spice.ts';

/** Of QuickSight's Enterprise edition, for each data set. */
const REFRESHES_A_DAY = 32;

export const createIngestion: Operation<CreateIngestionRequest, CreateIngestionResponse> = (input, aws) => {
  const { DataSetId: dataSetId, IngestionId: id = '', IngestionType: type = 'FULL_REFRESH' } = input;
  const set = dataSetOf(aws, dataSetId);
  if (!/^[a-zA-Z0-9-_]{1,128}$/.test(id))
    throw awsError('InvalidParameterValueException', `IngestionId '${id}' must match [a-zA-Z0-9-_]{1,128}.`);
  if (set.importMode !== 'SPICE')
    throw awsError('InvalidParameterValueException', `Data set ${set.id} is not a SPICE data set: there is nothing to ingest.`);
  if (type === 'INCREMENTAL_REFRESH')
    throw awsError(
      'InvalidParameterValueException',
      `Data set ${set.id} has no refresh properties, so it cannot be refreshed incrementally.`,
    );
  if (ingestions(aws).has(`${set.id}/${id}`))
    throw awsError('ResourceExistsException', `Ingestion ${id} of data set ${set.id} already exists`, { ResourceType: 'INGESTION' });
  const recent = ofDataSet(aws, set.id).filter(
    (each) => each.RequestType === 'FULL_REFRESH' && aws.now() - each.CreatedTime.getTime() < DAY_MS,
  );
  if (recent.length >= REFRESHES_A_DAY)
    throw awsError(
      'LimitExceededException',
      `Data set ${set.id} has been refreshed ${REFRESHES_A_DAY} times in the last 24 hours, which is the limit.`,
      {
        ResourceType: 'INGESTION',
      },
    );
  const made = ingest(aws, set, id, 'FULL_REFRESH');
  return { Arn: made.Arn, IngestionId: id, IngestionStatus: made.IngestionStatus, Status: 201 };
};

export const describeIngestion: Operation<DescribeIngestionRequest, DescribeIngestionResponse> = (
  { DataSetId: dataSetId, IngestionId: id },
  aws,
) => ({
  Ingestion: described(ingestionOf(aws, dataSetId, id)),
});

export const listIngestions: Operation<ListIngestionsRequest, ListIngestionsResponse> = ({ DataSetId: dataSetId, ...input }, aws) => {
  const newestFirst = ofDataSet(aws, dataSetOf(aws, dataSetId).id).reverse();
  const { items, NextToken } = page(newestFirst, input);
  return { Ingestions: items.map(described), NextToken };
};

export const cancelIngestion: Operation<CancelIngestionRequest, CancelIngestionResponse> = (
  { DataSetId: dataSetId, IngestionId: id = '' },
  aws,
) => {
  const ingestion = ingestionOf(aws, dataSetId, id);
  if (!underWay(ingestion))
    throw awsError('InvalidParameterValueException', `Ingestion ${id} is ${ingestion.IngestionStatus} and cannot be cancelled.`);
  cancel(aws, ingestion.dataSetId, id);
  return { Arn: ingestion.Arn, IngestionId: id };
};

/** Begins to load a SPICE data set, after the ingestions of it that are under way; its outcome stands in the catalog. */
export function ingest(aws: Aws, set: Readonly<DataSet>, id: string, type: IngestionRequestType): Readonly<StoredIngestion> {
  const made: StoredIngestion = {
    Arn: `${assetArn(aws, 'dataset', set.id)}/ingestion/${id}`,
    IngestionId: id,
    dataSetId: set.id,
    IngestionStatus: 'INITIALIZED',
    CreatedTime: new Date(aws.now()),
    RequestSource: 'MANUAL',
    RequestType: type,
  };
  ingestions(aws).set(`${set.id}/${id}`, made);
  inTurn(aws, made);
  return made;
}

/** Stops one ingestion of a data set that is under way, or all of them. */
export function cancel(aws: Aws, dataSetId: string, id?: string): void {
  for (const ingestion of ofDataSet(aws, dataSetId)) {
    if (!underWay(ingestion) || (id !== undefined && ingestion.IngestionId !== id)) continue;
    change(aws, ingestion, {
      IngestionStatus: 'CANCELLED',
      ErrorInfo: { Type: 'INGESTION_CANCELED', Message: 'The ingestion was cancelled.' },
    });
    queues.get(aws)?.running.get(keyOf(ingestion))?.abort();
  }
}

/** Resolves once no ingestion of the data set runs any more. */
export const idle = async (aws: Aws, dataSetId: string): Promise<void> => queueOf(aws).last.get(dataSetId);

/** Takes up the ingestions that were under way when the process ended, and ends them at shutdown. */
export function resumeIngestions(aws: Aws): void {
  const left = ingestions(aws).values().filter(underWay).sort(byTime);
  for (const ingestion of left) inTurn(aws, ingestion);
  aws.onClose(async () => {
    const { running, last } = queueOf(aws);
    for (const abort of running.values()) abort.abort(CLOSING);
    await Promise.all(last.values());
  });
}

interface Queue {
  running: Map<string, AbortController>;
  /** The last ingestion in line, by data set. */
  last: Map<string, Promise<void>>;
}

const CLOSING = new Error('the local AWS closes');
const queues = new WeakMap<Aws, Queue>();

function queueOf(aws: Aws): Queue {
  const queue = queues.get(aws) ?? { running: new Map(), last: new Map() };
  queues.set(aws, queue);
  return queue;
}

/** One ingestion at a time for each data set. */
function inTurn(aws: Aws, ingestion: Readonly<StoredIngestion>): void {
  const { running, last } = queueOf(aws);
  const abort = new AbortController();
  const key = keyOf(ingestion);
  running.set(key, abort);
  const before = last.get(ingestion.dataSetId) ?? Promise.resolve();
  const run = before
    .then(() => perform(aws, key, abort.signal))
    .catch((error: Error) => aws.log('quicksight', `ingestion ${key}: ${error.stack}`))
    .finally(() => running.delete(key));
  last.set(ingestion.dataSetId, run);
}

async function perform(aws: Aws, key: string, signal: AbortSignal): Promise<void> {
  const waiting = ingestions(aws).get(key);
  if (!waiting || !underWay(waiting) || signal.aborted) return;
  change(aws, waiting, { IngestionStatus: 'RUNNING' });
  await aws.journal.commit();
  const begin = aws.now();
  const { ingestion: outcome, spice } = await load(aws, waiting, signal);
  await aws.sleep(begin + aws.takes('ingestion', key) - aws.now(), signal);
  const running = ingestions(aws).get(key);
  const set = dataSets(aws).get(waiting.dataSetId);
  if (!set || running?.IngestionStatus !== 'RUNNING' || signal.reason === CLOSING) return;
  change(aws, running, { ...outcome, IngestionTimeInSeconds: Math.ceil((aws.now() - begin) / 1000) });
  if (spice) dataSets(aws).set(set.id, { ...set, spice });
  await aws.journal.commit();
  if (spice) await tidy(aws, spice, set.spice?.file);
}

function ingestionOf(aws: Aws, dataSetId: string | undefined, id = ''): Readonly<StoredIngestion> {
  const ingestion = ingestions(aws).get(`${dataSetOf(aws, dataSetId).id}/${id}`);
  if (!ingestion)
    throw awsError('ResourceNotFoundException', `Ingestion ${id} of data set ${dataSetId} is not found`, { ResourceType: 'INGESTION' });
  return ingestion;
}

/** A data set's ingestions, oldest first. */
const ofDataSet = (aws: Aws, dataSetId: string): Readonly<StoredIngestion>[] =>
  ingestions(aws)
    .values()
    .filter((each) => each.dataSetId === dataSetId)
    .sort(byTime);

const byTime = (a: Readonly<StoredIngestion>, b: Readonly<StoredIngestion>) => a.CreatedTime.getTime() - b.CreatedTime.getTime();
const keyOf = ({ dataSetId, IngestionId: id }: Readonly<StoredIngestion>) => `${dataSetId}/${id}`;
const underWay = ({ IngestionStatus: status }: Readonly<StoredIngestion>) =>
  status === 'INITIALIZED' || status === 'QUEUED' || status === 'RUNNING';
const change = (aws: Aws, ingestion: Readonly<StoredIngestion>, to: Partial<StoredIngestion>) =>
  ingestions(aws).set(keyOf(ingestion), { ...ingestion, ...to });
const described = ({ dataSetId: _, ...ingestion }: Readonly<StoredIngestion>) => ingestion;
