import { ApplicationFailure } from '@temporalio/common';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import { callerAdvice, permissionAdvice } from './caller.ts';
import { type Calls, countCalls } from './calls.ts';
import { isRefused, isUnknownCaller } from './errors.ts';
import { type Consent, type Found, type Resource, type Survey, survey } from './resource.ts';

/** How every stage stands, and what is to be taken away besides what their surveys name. */
type Surveyed = { stages: Record<Stage, Survey>; removed: string[] } & Calls;

/** Looks how everything stands. `surplus` tells of the schedules that the spec no longer has. */
export function surveyActivities(
  resources: Record<Stage, Resource<Found>>,
  surplus: (pipeline: Pipeline) => Promise<string[]> = async () => [],
) {
  return {
    /** How every stage stands to the spec, all looked at at once; changes nothing. Fails for good where the caller may not look, saying what is missing for which. */
    'stages.survey': async (pipeline: Pipeline, consent?: Consent): Promise<Surveyed> => {
      const all = Object.entries(resources) as [Stage, Resource<Found>][];
      const { value, ...calls } = await countCalls(() =>
        Promise.all([surplus(pipeline), Promise.allSettled(all.map(([, resource]) => seen(resource, pipeline, consent)))]),
      );
      const [schedules, looks] = value;
      refuse(
        looks.flatMap((look, i) =>
          look.status === 'rejected' ? [{ label: all[i]![1].label(pipeline), error: look.reason as Error }] : [],
        ),
        pipeline,
      );
      const stages = looks.map((look, i) => [all[i]![0], (look as PromiseFulfilledResult<Survey>).value]);
      return { stages: Object.fromEntries(stages) as Record<Stage, Survey>, removed: schedules, ...calls };
    },
  };
}

/** A name that is taken by somebody whose thing we may not even look at is foreign too. */
async function seen(resource: Resource<Found>, pipeline: Pipeline, consent?: Consent): Promise<Survey> {
  try {
    return await survey(resource, pipeline, consent);
  } catch (error) {
    if (!(error instanceof ApplicationFailure) || error.type !== 'ForeignResource') throw error;
    return { label: resource.label(pipeline), arn: resource.arn?.(pipeline), action: 'foreign', differences: [], hidden: true };
  }
}

/** Throws what the looks failed with: what asking again does not mend, in one line each, else the first, with what was looked at. */
function refuse(failed: { label: string; error: Error }[], pipeline: Pipeline): void {
  const lines = failed.flatMap(({ label, error }) => {
    if (isUnknownCaller(error)) return [callerAdvice(error, pipeline)];
    return isRefused(error) ? [`${label}: ${permissionAdvice(error, pipeline)}`] : [];
  });
  if (lines.length > 0) throw ApplicationFailure.nonRetryable([...new Set(lines)].join('\n'), 'NotPermitted');
  if (failed[0]) throw labelled(failed[0]);
}

/** AWS's words alone ('Rate exceeded') do not tell of what they are. */
function labelled({ label, error }: { label: string; error: Error }): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  const { name, message } = error;
  return ApplicationFailure.create({ message: `looking at ${label}: ${name}: ${message}`, type: name, cause: error });
}
