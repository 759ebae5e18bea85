import { Context } from '@temporalio/activity';
import {
  type Client,
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  type ScheduleOptions,
  ScheduleOverlapPolicy,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { notYet } from '../resource.ts';

type Duration = Pipeline['schedules']['crawl'];

/** What only a Temporal client can do; workflow code cannot make schedules. */
export function temporal(client: Client, taskQueue: string) {
  const handles = (pipeline: Pipeline) => schedules(pipeline, taskQueue).map(({ scheduleId }) => client.schedule.getHandle(scheduleId));
  /** True while it still runs. */
  const endOne = async (workflowId: string): Promise<boolean> => {
    const handle = client.workflow.getHandle(workflowId);
    try {
      if ((await handle.describe()).status.name !== 'RUNNING') return false;
      if (Context.current().info.attempt < TERMINATE_AT) await handle.cancel();
      else await handle.terminate('did not end when cancelled');
      return true;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  };
  return {
    /** Makes the schedules of crawl, questions and refresh; one that exists gets the spec's cadence and keeps its pause. */
    'schedules.ensure': async (pipeline: Pipeline): Promise<void> => {
      for (const schedule of schedules(pipeline, taskQueue)) {
        try {
          await client.schedule.create(schedule);
        } catch (error) {
          if (!(error instanceof ScheduleAlreadyRunning)) throw error;
          await client.schedule.getHandle(schedule.scheduleId).update(({ state }) => ({ ...schedule, state }));
        }
      }
    },
    /** Pauses the schedules, or lets them go on. */
    'schedules.pause': async (pipeline: Pipeline, paused: boolean): Promise<void> => {
      await Promise.all(
        handles(pipeline).map((handle) => quiet(paused ? handle.pause('the pipeline is paused') : handle.unpause('the pipeline goes on'))),
      );
    },
    /** Deletes the schedules; quiet when they are gone. */
    'schedules.remove': async (pipeline: Pipeline): Promise<void> => {
      await Promise.all(handles(pipeline).map((handle) => quiet(handle.delete())));
    },
    /** Cancels every workflow that serves the pipeline, those that its schedules started too, and returns once all have ended; who does not heed is terminated. */
    'workflows.end': async (pipeline: Pipeline): Promise<void> => {
      const { pipeline: own, teardown, ...others } = names(pipeline).workflows;
      const listed: string[] = [];
      for await (const { workflowId } of client.workflow.list({
        query: `ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH '${own}/'`,
      }))
        if (workflowId !== teardown) listed.push(workflowId);
      const running = await Promise.all([...new Set([...Object.values(others), ...listed])].map(endOne));
      if (running.some(Boolean)) throw notYet(`workflows of ${own} are still ending`);
    },
  };
}

const TERMINATE_AT = 8;

async function quiet(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}

/** Overlaps are skipped, as every run does the whole job; runs missed for longer than a minute are not made up for, for the same reason. */
function schedules(pipeline: Pipeline, taskQueue: string): ScheduleOptions[] {
  const { crawl: crawlId, query: queryId, refresh: refreshId } = names(pipeline).workflows;
  const every = (scheduleId: string, interval: Duration, workflowType: 'crawl' | 'query' | 'refresh'): ScheduleOptions => ({
    scheduleId,
    spec: { intervals: [{ every: interval }] },
    action: { type: 'startWorkflow', workflowType, workflowId: scheduleId, taskQueue, args: [{ pipeline }] },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' },
  });
  const { schedules: cadence, local, target } = pipeline;
  return [
    every(crawlId, target === 'local' ? local.crawl : cadence.crawl, 'crawl'),
    every(queryId, cadence.queries, 'query'),
    every(refreshId, cadence.refresh, 'refresh'),
  ];
}
