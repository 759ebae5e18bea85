import {
  CreateDataSetCommand,
  CreateIngestionCommand,
  type DataSet,
  DeleteDataSetCommand,
  DescribeDataSetCommand,
  DescribeDataSetPermissionsCommand,
  type Ingestion,
  type IngestionStatus,
  ListIngestionsCommand,
  ListTagsForResourceCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateDataSetCommand,
  UpdateDataSetPermissionsCommand,
} from '@aws-sdk/client-quicksight';
import { dataSets } from '../../pipeline/dashboard.ts';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { differences } from '../differences.ts';
import { isNamed, undefinedIfMissing, unless } from '../errors.ts';
import { retryIfLost } from '../not-yet.ts';
import { pages } from '../pages.ts';
import type { Found, Resource, Status } from '../resource.ts';
import { hashOf } from '../spec-hash.ts';
import { statement } from '../sql.ts';
import { tagList, tagMap } from '../tags.ts';
import { apart, grantDifferences, permissions } from './permissions.ts';

type DataSetName = keyof ReturnType<typeof dataSets>;

interface FoundDataSet extends Found, DataSet {
  /** Of those that the spec wants in SPICE: newest first, and as far back as the first that was completed. */
  ingestions?: Ingestion[];
}

const MISSING = 'ResourceNotFoundException';
const INGESTION = {
  INITIALIZED: 'pending',
  QUEUED: 'pending',
  RUNNING: 'pending',
  COMPLETED: 'ready',
  FAILED: 'broken',
  CANCELLED: 'broken',
} satisfies Record<IngestionStatus, Status>;

/** A data set over the lake's views: live ones ask Athena each time, a SPICE one is ready once it has been loaded. */
export function dataSet({ quicksight }: Clients, which: DataSetName): Resource<FoundDataSet> {
  const id = (pipeline: Pipeline) => ({ AwsAccountId: pipeline.account, DataSetId: names(pipeline).dataSets[which] });
  const isSpice = (pipeline: Pipeline) => dataSets(pipeline)[which].importMode === 'SPICE';
  const ingestionsOf = async (pipeline: Pipeline): Promise<Ingestion[] | undefined> => {
    if (!isSpice(pipeline)) return undefined;
    const found = await pages(
      (NextToken) => quicksight.send(new ListIngestionsCommand({ ...id(pipeline), NextToken, MaxResults: 100 })),
      ({ Ingestions = [] }) => Ingestions,
      ({ Ingestions = [], NextToken }) => (Ingestions.some(isComplete) ? undefined : NextToken),
    );
    return found.sort((a, b) => Number(b.CreatedTime) - Number(a.CreatedTime));
  };
  const describe = async (pipeline: Pipeline): Promise<FoundDataSet> => {
    const [{ DataSet: found }, { Tags }, ingestions] = await Promise.all([
      quicksight.send(new DescribeDataSetCommand(id(pipeline))),
      quicksight.send(new ListTagsForResourceCommand({ ResourceArn: names(pipeline).dataSetArn(which) })),
      ingestionsOf(pipeline),
    ]);
    return { ...found, tags: tagMap(Tags), ingestions };
  };
  return {
    label: (pipeline) => `QuickSight data set ${names(pipeline).dataSets[which]}`,
    arn: (pipeline) => names(pipeline).dataSetArn(which),
    role: 'quicksight',
    find: (pipeline) => undefinedIfMissing(describe(pipeline), MISSING),
    look: async (pipeline) =>
      isSpice(pipeline)
        ? undefinedIfMissing(
            ingestionsOf(pipeline).then((ingestions) => ({ ingestions })),
            MISSING,
          )
        : {},
    create: async (pipeline) => {
      const creation = quicksight.send(
        new CreateDataSetCommand({
          ...id(pipeline),
          ...content(pipeline, which),
          Permissions: permissions(pipeline, 'dataSet'),
          Tags: tagList(names(pipeline).tags),
        }),
      );
      await retryIfLost(creation, 'ResourceExistsException');
    },
    differences: async (pipeline, found) => {
      const fields = differences(content(pipeline, which), found);
      if (loaded(found) === 'broken') fields.push({ field: 'Status', is: found.ingestions?.[0]?.IngestionStatus, wanted: 'COMPLETED' });
      const look = () => quicksight.send(new DescribeDataSetPermissionsCommand(id(pipeline)));
      return [...fields, ...(await grantDifferences(pipeline, 'dataSet', look))];
    },
    change: async (pipeline, { ingestions: [failed] = [] }, found) => {
      const { others, grants } = apart(found);
      // An update of a SPICE data set loads it too.
      if (others.some(({ field }) => content(pipeline, which)[field.split('.')[0] as 'Name'] !== undefined))
        await quicksight.send(new UpdateDataSetCommand({ ...id(pipeline), ...content(pipeline, which) }));
      else if (others.length > 0)
        await unless(quicksight.send(new CreateIngestionCommand({ ...id(pipeline), IngestionId: mendOf(failed) })), isThereAlready);
      if (grants) await quicksight.send(new UpdateDataSetPermissionsCommand({ ...id(pipeline), ...grants }));
    },
    tag: async (pipeline, _found, tags) => {
      await quicksight.send(new TagResourceCommand({ ResourceArn: names(pipeline).dataSetArn(which), Tags: tagList(tags) }));
    },
    untag: async (pipeline, _found, TagKeys) => {
      await quicksight.send(new UntagResourceCommand({ ResourceArn: names(pipeline).dataSetArn(which), TagKeys }));
    },
    status: loaded,
    reason: ({ ingestions: [latest] = [] }) =>
      latest?.ErrorInfo && `ingestion ${latest.IngestionId}: ${latest.ErrorInfo.Type}: ${latest.ErrorInfo.Message}`,
    remove: async (pipeline) => {
      await undefinedIfMissing(quicksight.send(new DeleteDataSetCommand(id(pipeline))), MISSING);
    },
  };
}

/** One id for each ingestion that failed, so that a repeated attempt names the same. */
const mendOf = (failed: Ingestion | undefined): string => `mend-${hashOf(failed?.IngestionId).slice(0, 32)}`;

const isThereAlready = (error: unknown): boolean => isNamed(error, 'ResourceExistsException');

const isComplete = ({ IngestionStatus: state }: Ingestion): boolean => state === 'COMPLETED';

/** Once loaded, a SPICE data set serves what it has, whatever became of later ingestions. */
function loaded({ ingestions }: FoundDataSet): Status {
  if (ingestions === undefined) return 'ready';
  const states = ingestions.map(({ IngestionStatus }): Status => INGESTION[IngestionStatus!]);
  return states.includes('ready') ? 'ready' : (states[0] ?? 'pending');
}

function content(pipeline: Pipeline, which: DataSetName) {
  const { file, columns, importMode } = dataSets(pipeline)[which];
  const query = {
    DataSourceArn: names(pipeline).dataSourceArn,
    Name: which,
    SqlQuery: statement(pipeline, `quicksight/${file}`),
    Columns: columns,
  };
  return { Name: names(pipeline).dataSets[which], ImportMode: importMode, PhysicalTableMap: { [which]: { CustomSql: query } } };
}
