import { Command } from 'commander';
import { rootMessage } from '../workflows/failure.ts';
import { exitCodeOf } from './user-error.ts';
import type { Verb, VerbOptions } from './verb.ts';
import { outliveReaders, written } from './written.ts';

outliveReaders();

const program = new Command('d2d')
  .description('Works with the data2dashboard pipeline of this folder.')
  .showSuggestionAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

type Flags = Record<string, string>;

const verb = (usage: string, description: string, load: () => Promise<Verb>, flags: Flags = {}) => {
  const command = program.command(usage).description(description).option('--json', 'answer with one JSON object on stdout', false);
  for (const [flag, meaning] of Object.entries(flags)) command.option(flag, meaning);
  return command.action(async (...args: unknown[]) => {
    args.pop();
    await answer(load, args as never[], (args.at(-1) as VerbOptions).json);
  });
};

const LEAVE = {
  '--adopt': 'take over things of the same names that carry no owner',
  '--replace': 'make anew what cannot be changed; what it holds is lost',
};
verb('plan', 'what up would do, and what it would cost, before anything is done', async () => (await import('./plan.ts')).plan, {
  '--policies': 'the IAM policies in full',
  ...LEAVE,
});
verb(
  'up',
  'bring the pipeline up, apply a changed spec (apply), or go on where a held one broke (retry)',
  async () => (await import('./up.ts')).up,
  {
    ...LEAVE,
    '--rollback': 'if it fails, take away what a first run made, or go back to the spec that stood',
  },
).aliases(['apply', 'retry']);
verb('break-off', 'break off an up midway; what it made stays', async () => (await import('./break-off.ts')).breakOff, {
  '--rollback': 'take away what a first run made, or go back to the spec that stood',
});
verb('status', 'the pipeline, in the order of the data', async () => (await import('./status.ts')).status);
verb('pause', 'stop generation at once, and the schedules', async () => (await import('./pause.ts')).pause, {
  '--deep': 'then the Studio application too, the largest cost',
});
verb('resume', 'go on where pause stopped', async () => (await import('./pause.ts')).resume);
verb('query [question]', 'ask a named query of sql/athena (without a name: list them)', async () => (await import('./query.ts')).query);
verb('audit', 'count every event in every place against what was sent', async () => (await import('./audit.ts')).audit, {
  '--hours <number>': 'only what happened within so many hours',
  '--minutes': 'with every minute, those that agree too (at most the worst 10,080)',
  '--wait <duration>': "how long to wait for what is still on its way: '30 seconds'",
});
verb('rate <rate>', "events a second from now on: a number, 'max', or a course as JSON", async () => (await import('./rate.ts')).rate);
verb('open', 'fresh links to dashboard, notebook and UIs', async () => (await import('./open.ts')).open);
verb('down', 'take everything down and say what is left', async () => (await import('./down.ts')).down, {
  '--keep-data': 'keep the lake and its tables',
});
verb(
  'faults [file]',
  'what makes calls to the local AWS fail; with a file (a fault plan): put that plan',
  async () => (await import('./faults.ts')).faults,
  { '--clear': 'end all faults' },
);
void program.parseAsync();

async function answer(load: () => Promise<Verb>, args: never[], json: boolean): Promise<void> {
  let code: number;
  try {
    const { ok, facts, words } = await (await load())(...args);
    await written(process.stdout, json ? `${JSON.stringify({ v: 1, ok, ...facts })}\n` : `${words}\n`);
    code = ok ? 0 : 1;
  } catch (error) {
    const message = rootMessage(error);
    if (json) await written(process.stdout, `${JSON.stringify({ v: 1, ok: false, error: message })}\n`);
    await written(process.stderr, `${message}\n`);
    code = exitCodeOf(error);
  }
  process.exit(code);
}
