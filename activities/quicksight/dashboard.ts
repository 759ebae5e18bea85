import {
  CreateDashboardCommand,
  type DashboardVersion,
  DeleteDashboardCommand,
  DescribeDashboardCommand,
  DescribeDashboardDefinitionCommand,
  DescribeDashboardPermissionsCommand,
  ListDashboardVersionsCommand,
  ListTagsForResourceCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateDashboardCommand,
  UpdateDashboardPermissionsCommand,
  UpdateDashboardPublishedVersionCommand,
} from '@aws-sdk/client-quicksight';
import { ApplicationFailure } from '@temporalio/common';
import { dashboardDefinition } from '../../pipeline/dashboard.ts';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { differences } from '../differences.ts';
import { undefinedIfMissing } from '../errors.ts';
import { retryIfLost } from '../not-yet.ts';
import { pollUntil } from '../poll.ts';
import type { Difference, Found, Resource } from '../resource.ts';
import { tagList, tagMap } from '../tags.ts';
import { definitionDifferences, definitionHash } from './definition.ts';
import { apart, grantDifferences, permissions } from './permissions.ts';
import { faults, STATUS } from './status.ts';

interface FoundDashboard extends Found {
  name?: string;
  /** The newest version, published or not. */
  latest?: DashboardVersion;
  published?: number;
}

const MISSING = 'ResourceNotFoundException';
const PUBLISHED = 'published version';
const VERSION_MS = 60_000;

/** The dashboard. Each change is a new version that is published once QuickSight has accepted it; its description holds the definition's hash. */
export function dashboard({ quicksight }: Clients): Resource<FoundDashboard> {
  const id = (pipeline: Pipeline) => ({ AwsAccountId: pipeline.account, DashboardId: names(pipeline).dashboard });
  const content = (pipeline: Pipeline) => ({
    ...id(pipeline),
    Name: names(pipeline).dashboard,
    Definition: dashboardDefinition(pipeline),
    VersionDescription: `definition ${definitionHash(pipeline)}`,
  });
  const describe = async (pipeline: Pipeline): Promise<FoundDashboard> => {
    const [{ Dashboard: found }, { Tags }, latest] = await Promise.all([
      // Without a version number, DescribeDashboard tells of the published one.
      quicksight.send(new DescribeDashboardCommand(id(pipeline))),
      quicksight.send(new ListTagsForResourceCommand({ ResourceArn: names(pipeline).dashboardArn })),
      latestVersion(pipeline),
    ]);
    return { name: found?.Name, tags: tagMap(Tags), latest, published: found?.Version?.VersionNumber };
  };
  return {
    label: (pipeline) => `QuickSight dashboard ${names(pipeline).dashboard}`,
    arn: (pipeline) => names(pipeline).dashboardArn,
    find: (pipeline) => undefinedIfMissing(describe(pipeline), MISSING),
    create: async (pipeline) => {
      const creation = quicksight.send(
        new CreateDashboardCommand({
          ...content(pipeline),
          Permissions: permissions(pipeline, 'dashboard'),
          Tags: tagList(names(pipeline).tags),
        }),
      );
      await retryIfLost(creation, 'ResourceExistsException');
    },
    differences: async (pipeline, { name, latest, published }) => {
      const { Name, VersionDescription } = content(pipeline);
      const fields: Difference[] = differences({ Name }, { Name: name });
      // A version never changes: one that was made of our definition is that, however QuickSight words it.
      if (latest?.Description !== VersionDescription) {
        const version = { ...id(pipeline), VersionNumber: latest?.VersionNumber };
        const { Definition } = await quicksight.send(new DescribeDashboardDefinitionCommand(version));
        fields.push({ field: 'VersionDescription', is: latest?.Description, wanted: VersionDescription });
        fields.push(...definitionDifferences(pipeline, Definition));
      }
      if (latest && STATUS[latest.Status!] === 'broken') fields.push({ field: 'Status', is: latest.Status, wanted: 'CREATION_SUCCESSFUL' });
      if (latest?.VersionNumber !== published) fields.push({ field: PUBLISHED, is: published, wanted: latest?.VersionNumber });
      const look = () => quicksight.send(new DescribeDashboardPermissionsCommand(id(pipeline)));
      return [...fields, ...(await grantDifferences(pipeline, 'dashboard', look))];
    },
    change: async (pipeline, { latest }, found) => {
      const { others, grants } = apart(found);
      let version = latest;
      if (others.some(({ field }) => field !== PUBLISHED)) {
        await quicksight.send(new UpdateDashboardCommand(content(pipeline)));
        version = await accepted(pipeline, latest?.VersionNumber);
      }
      if (others.length > 0) {
        const { VersionNumber } = version!;
        await quicksight.send(new UpdateDashboardPublishedVersionCommand({ ...id(pipeline), VersionNumber }));
      }
      if (grants) await quicksight.send(new UpdateDashboardPermissionsCommand({ ...id(pipeline), ...grants }));
    },
    tag: async (pipeline, _found, tags) => {
      await quicksight.send(new TagResourceCommand({ ResourceArn: names(pipeline).dashboardArn, Tags: tagList(tags) }));
    },
    untag: async (pipeline, _found, TagKeys) => {
      await quicksight.send(new UntagResourceCommand({ ResourceArn: names(pipeline).dashboardArn, TagKeys }));
    },
    status: ({ latest }) => (latest?.Status === undefined ? 'pending' : STATUS[latest.Status]),
    reason: ({ latest }) => faults(latest?.Errors),
    remove: async (pipeline) => {
      await undefinedIfMissing(quicksight.send(new DeleteDashboardCommand(id(pipeline))), MISSING);
    },
  };

  async function latestVersion(pipeline: Pipeline): Promise<DashboardVersion | undefined> {
    const numbers: number[] = [];
    let NextToken: string | undefined;
    do {
      const page = await quicksight.send(new ListDashboardVersionsCommand({ ...id(pipeline), NextToken, MaxResults: 100 }));
      for (const { VersionNumber = 0 } of page.DashboardVersionSummaryList ?? []) numbers.push(VersionNumber);
      NextToken = page.NextToken;
    } while (NextToken);
    if (numbers.length === 0) return undefined;
    const { Dashboard: found } = await quicksight.send(
      new DescribeDashboardCommand({ ...id(pipeline), VersionNumber: Math.max(...numbers) }),
    );
    return found?.Version;
  }

  /** The version after `before`, once QuickSight has taken it; fails with its faults otherwise. */
  async function accepted(pipeline: Pipeline, before = 0): Promise<DashboardVersion> {
    const version = await pollUntil(
      () => latestVersion(pipeline),
      (latest) => (latest?.VersionNumber ?? 0) > before && STATUS[latest!.Status!] !== 'pending',
      { within: VERSION_MS, what: `the new version of QuickSight dashboard ${names(pipeline).dashboard}` },
    );
    if (STATUS[version!.Status!] === 'ready') return version!;
    throw ApplicationFailure.nonRetryable(
      faults(version?.Errors) ?? `version ${version?.VersionNumber} is ${version?.Status}`,
      'BrokenResource',
    );
  }
}
