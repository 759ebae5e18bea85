import type { Clients } from '../activities/aws.ts';
import { youngRole } from '../activities/iam/young-role.ts';
import { resources } from '../activities/registry.ts';
import { type Resource, type Steps, steps } from '../activities/resource.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import { eventually } from './eventually.ts';

/** The steps of one stage. */
export const stepsOf = (aws: Clients, stage: Stage): Steps => steps(resources(aws)[stage] as unknown as Resource, youngRole(aws));

/** Has stages made, in this order. */
export async function stand(aws: Clients, of: Pipeline, ...stages: Stage[]): Promise<void> {
  for (const stage of stages) {
    const { ensure, ready } = stepsOf(aws, stage);
    await eventually(() => ensure(of));
    await eventually(() => ready(of));
  }
}

/** What a Studio application needs besides its streams, and the streams of its SQL. */
export const AROUND_STUDIO: Stage[] = ['studioLogs', 'studioRole', 'flinkDatabase'];
export const SQL_STREAMS: Stage[] = ['events', 'playerMetrics', 'teamMetrics', 'leaderboards', 'serverMetrics', 'lateEvents'];
