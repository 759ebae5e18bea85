// npm run histories: plays every scene on a real Temporal server and saves the histories of its workflows in histories/<version of package.json>/, in place of
// those of that version. The sets of earlier versions stay as they are: pipelines that these have started go on under the workflows of this one.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { Scene } from './scene.ts';
import { SCENES } from './scenes.ts';
import { temporalServer, workerIn } from './temporal-server.ts';
import { activitiesOf, world } from './world.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
const HERE = new URL(`histories/${version}/`, import.meta.url);
const WHO = 'recorder';

/** Activities that only scenes act. */
const LATER = ['query.questions', 'query.start', 'query.finished', 'refresh.start', 'refresh.finished'].concat(
  ['scope', 'generated', 'count', 'athena', 'counted', 'windows', 'dashboard', 'publish'].map((part) => `audit.${part}`),
  'generator.flushLedger',
);
const env = await temporalServer(WHO);
try {
  const wanted = process.argv.slice(2);
  mkdirSync(HERE, { recursive: true });
  for (const [name, scene] of Object.entries(SCENES)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    process.stderr.write(`${name} …\n`);
    const histories = await played(name, scene);
    for (const old of readdirSync(HERE)) if (old.startsWith(`${name}.`)) rmSync(new URL(old, HERE));
    for (const [i, { type, json }] of histories.entries()) writeFileSync(new URL(`${name}.${i + 1}.${type}.json`, HERE), `${json}\n`);
  }
} finally {
  await env.teardown();
}

/** The histories of a scene in the order in which their runs began; fails if a type that it is played for is not among them. */
async function played(name: string, { keeps, spec, play }: Scene) {
  const { client } = env;
  const account = world();
  const activities = activitiesOf(account);
  const pipeline: Pipeline = {
    ...parseSpec({ name: `scene-${name}`, windowSeconds: 1, local: { speed: 100 }, ...spec }),
    account: '000000000000',
  };
  const changed: typeof activities = {};
  const worker = await workerIn(env, {
    identity: WHO,
    taskQueue: name,
    // Looked up at each call, so that a scene may change them as it goes.
    activities: Object.fromEntries(
      [...Object.keys(activities), ...LATER].map((type) => [type, (...args: never[]) => (changed[type] ?? activities[type])!(...args)]),
    ),
    maxHeartbeatThrottleInterval: 20,
  });
  await worker.runUntil(() =>
    play({
      client,
      account,
      pipeline,
      acts: (more) => void Object.assign(changed, more),
      start: (type, workflowId, ...args) => client.workflow.start(type, { taskQueue: name, workflowId, args }),
      until: async (look, isSo) => {
        const end = Date.now() + 30_000;
        for (;;) {
          const value = await look();
          if (isSo(value)) return value;
          if (Date.now() > end) throw new Error(`scene ${name} does not go on from ${JSON.stringify(value)}`);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      },
    }),
  );
  const runs: { workflowId: string; runId: string; type: string; startTime: Date }[] = [];
  for await (const run of client.workflow.list({ query: `WorkflowId STARTS_WITH '${pipeline.name}'` })) runs.push(run);
  const kept = runs.filter(({ type }) => keeps.includes(type)).sort((a, b) => Number(a.startTime) - Number(b.startTime));
  const absent = keeps.filter((type) => !kept.some((run) => run.type === type));
  if (absent.length > 0) throw new Error(`scene ${name} left no history of ${absent.join(', ')}`);
  return Promise.all(
    kept.map(async ({ workflowId, runId, type }) => {
      const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
      return { type, json: JSON.stringify(history, slim) };
    }),
  );
}

/** Leaves out what tells of the machine (names of processes, paths in stack traces), and what a replay does not read: the arguments of activities. */
function slim(key: string, value: unknown): unknown {
  if (key === 'stackTrace') return undefined;
  if (key === 'activityTaskScheduledEventAttributes') return { ...(value as object), input: undefined };
  return key === 'identity' ? WHO : value;
}
