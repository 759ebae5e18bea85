import type { ResourceStatus } from '@aws-sdk/client-quicksight';
import type { Status } from '../resource.ts';

/** What the states of data sources, analyses and dashboard versions mean; DELETED is an analysis in its recovery window. */
export const STATUS = {
  CREATION_IN_PROGRESS: 'pending',
  CREATION_SUCCESSFUL: 'ready',
  CREATION_FAILED: 'broken',
  UPDATE_IN_PROGRESS: 'pending',
  UPDATE_SUCCESSFUL: 'ready',
  UPDATE_FAILED: 'broken',
  DELETED: 'broken',
} satisfies Record<ResourceStatus, Status>;

/** QuickSight's faults in one text: each with its kind and, where it tells, the place in the definition. */
export const faults = (
  errors: readonly { Type?: string; Message?: string; ViolatedEntities?: { Path?: string }[] }[] = [],
): string | undefined =>
  errors.length === 0
    ? undefined
    : errors
        .map(({ Type, Message, ViolatedEntities = [] }) =>
          [`${Type}: ${Message}`, ...ViolatedEntities.map(({ Path }) => Path)].join(' at '),
        )
        .join('; ');
