import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Context } from '@temporalio/activity';
import { type Client, ScheduleAlreadyRunning, type ScheduleDescription } from '@temporalio/client';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { type FlushedLedger, flushLedger } from '../../workflows/messages.ts';
import { mayChange } from '../attempt.ts';
import { differences } from '../differences.ts';
import { notYet } from '../not-yet.ts';
import type { Difference } from '../resource.ts';
import { specHash } from '../spec-hash.ts';
import { scheduled, scheduleOptions } from './scheduled.ts';
import { undefinedIfUnknown } from './unknown.ts';

/** What a schedule that we paused says; one that somebody else paused stays so when the pipeline goes on. */
const PAUSED = 'the pipeline is paused';

/** A schedule that was missing, or differed in these fields, and is as the spec wants it now. */
export interface RestoredSchedule {
  id: string;
  missing: boolean;
  differences: Difference[];
}

/** The ids of the pipeline's schedules that its spec no longer has. */
export async function surplusSchedules(client: Client, pipeline: Pipeline): Promise<string[]> {
  const wanted = scheduled(pipeline).map(({ id }) => id);
  return (await listed(client, pipeline)).filter((id) => !wanted.includes(id));
}

/** The ids of the schedules that carry the pipeline's name. Temporal's list lags a little behind. */
async function listed(client: Client, { name }: Pipeline): Promise<string[]> {
  const ids: string[] = [];
  for await (const { scheduleId } of client.schedule.list({ query: `PipelineName = '${name}'` }))
    if (scheduleId.startsWith(`${name}/`)) ids.push(scheduleId);
  return ids;
}

/** What only a Temporal client can do; workflow code cannot make schedules. */
export function temporal(client: Client, taskQueue: string) {
  const wanted = (pipeline: Pipeline) => scheduled(pipeline).map((each) => scheduleOptions(pipeline, taskQueue, each));
  const remove = async (id: string) => {
    await mayChange();
    return undefinedIfUnknown(client.schedule.getHandle(id).delete());
  };
  const ensure = async (schedule: Wanted, paused: boolean): Promise<RestoredSchedule[]> => {
    const { scheduleId: id } = schedule;
    const handle = client.schedule.getHandle(id);
    const found = await undefinedIfUnknown(handle.describe());
    if (found === undefined) {
      const state = paused ? { paused, note: PAUSED } : undefined;
      await mayChange();
      await client.schedule.create({ ...schedule, state }).catch((error: unknown) => {
        if (!(error instanceof ScheduleAlreadyRunning)) throw error;
        return ensure(schedule, paused); // by an attempt whose answer was lost
      });
      return [{ id, missing: true, differences: [] }];
    }
    const [is, should] = [shape(found), shape(schedule)];
    if (isDeepStrictEqual(is, should)) return [];
    await mayChange();
    await handle.update(({ state }) => ({ ...schedule, state }));
    return [{ id, missing: false, differences: differences(should, is) }];
  };
  const pause = async (id: string, paused: boolean): Promise<void> => {
    const handle = client.schedule.getHandle(id);
    const found = await undefinedIfUnknown(handle.describe());
    if (found === undefined || found.state.paused === paused) return;
    await mayChange();
    if (paused) await undefinedIfUnknown(handle.pause(PAUSED));
    else if (found.state.note === PAUSED) await undefinedIfUnknown(handle.unpause('the pipeline goes on'));
  };
  /** Tells a workflow to end, in the end by terminating it; true if it still ran then. */
  const endOne = async (workflowId: string): Promise<boolean> => {
    const handle = client.workflow.getHandle(workflowId);
    const tellIfRunning = async (): Promise<boolean> => {
      if ((await handle.describe()).status.name !== 'RUNNING') return false;
      await mayChange();
      if (Context.current().info.attempt < TERMINATE_AT) await handle.cancel();
      else await handle.terminate('did not end when cancelled');
      return true;
    };
    return (await undefinedIfUnknown(tellIfRunning())) ?? false;
  };
  /** Tells every workflow that serves the pipeline, and that Temporal lists by now, to end; true if one of them still ran then. */
  const endAll = async (pipeline: Pipeline): Promise<boolean> => {
    const { pipeline: own, teardown, ...others } = names(pipeline).workflows;
    const found: string[] = [];
    const query = `ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH '${own}/'`;
    for await (const { workflowId } of client.workflow.list({ query })) if (workflowId !== teardown) found.push(workflowId);
    return (await Promise.all([...new Set([...Object.values(others), ...found])].map(endOne))).some(Boolean);
  };
  return {
    /**
     * Has the generator write down its ledger: up to when, whether it goes on sending, and how far it has come. Undefined when none runs. Waits as long as
     * the generator cannot write, or until it is cancelled; every attempt of an activity waits for the same update, as a workflow takes few at a time.
     */
    'generator.flushLedger': async (pipeline: Pipeline): Promise<FlushedLedger | undefined> => {
      const handle = client.workflow.getHandle(names(pipeline).workflows.generate);
      const flushIfRunning = async () => {
        if ((await handle.describe()).status.name !== 'RUNNING') return undefined;
        const { cancellationSignal, cancelled, info } = Context.current();
        const updateId = `${info.workflowExecution?.runId}/${info.activityId}`;
        const flush = () => handle.executeUpdate(flushLedger, { updateId });
        // The signal ends the calls under way; one that came before them goes unheard.
        return Promise.race([client.withAbortSignal(cancellationSignal, flush), cancelled]);
      };
      return undefinedIfUnknown(flushIfRunning());
    },
    /**
     * Makes the schedules of crawl, questions, refreshes and audit, new ones paused if so told; changes one that exists only where it differs, and keeps its pause.
     * Removes those of ours that the spec no longer has. Returns the hash of the spec that they now run by, and those that were missing or differed (answers of
     * earlier versions, which histories hold, say nothing of them).
     */
    'schedules.ensure': async (pipeline: Pipeline, paused = false): Promise<{ specHash: string; restored?: RestoredSchedule[] }> => {
      const restored = await Promise.all(wanted(pipeline).map((schedule) => ensure(schedule, paused)));
      await Promise.all((await surplusSchedules(client, pipeline)).map(remove));
      return { specHash: specHash(pipeline), restored: restored.flat() };
    },
    /** Pauses the pipeline's schedules, or (`paused` false) lets those go on that an earlier call of this has paused. */
    'schedules.pause': async (pipeline: Pipeline, paused: boolean): Promise<void> => {
      await Promise.all(scheduled(pipeline).map(({ id }) => pause(id, paused)));
    },
    /** Deletes the schedules; quiet when they are gone. */
    'schedules.remove': async (pipeline: Pipeline): Promise<void> => {
      const ids = new Set([...scheduled(pipeline).map(({ id }) => id), ...(await listed(client, pipeline))]);
      await Promise.all([...ids].map(remove));
    },
    /** Cancels one workflow, and returns once it has ended; if it does not heed, it is terminated. */
    'workflow.end': async (workflowId: string): Promise<void> => {
      if (await endOne(workflowId)) throw notYet(`workflow ${workflowId} is still ending`);
    },
    /** Cancels every workflow that serves the pipeline, those that its schedules started too, and returns once all have ended; who does not heed is terminated. */
    'workflows.end': async (pipeline: Pipeline): Promise<void> => {
      if (!(await endAll(pipeline))) await delay(LISTED_WITHIN_MS);
      if (await endAll(pipeline)) throw notYet(`workflows of ${pipeline.name} are still ending`);
    },
  };
}

const TERMINATE_AT = 8;
/** What a schedule started the moment before it went is not listed at once. */
const LISTED_WITHIN_MS = 1_500;

type Wanted = ReturnType<typeof scheduleOptions>;

/** What we set of a schedule, as wanted or as Temporal describes it; values as they are after the wire. */
function shape({ spec, action, policies }: Wanted | ScheduleDescription): object {
  const { workflowType, workflowId, taskQueue, args, memo, staticSummary, staticDetails } = action;
  const every = spec.intervals?.map((interval) => interval.every);
  const { overlap, catchupWindow } = policies ?? {};
  return JSON.parse(
    JSON.stringify({ every, workflowType, workflowId, taskQueue, args, memo, staticSummary, staticDetails, overlap, catchupWindow }),
  );
}
