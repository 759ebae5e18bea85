import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Accounts, accounts } from '../chaos/account.ts';
import { madeTwiceIn } from '../chaos/made-twice.ts';
import { errorRounds, halfMadeRun, PLAIN_REASON, ROLE_WORDINGS, roleRun } from '../chaos/provisions.ts';
import { randomBy } from '../chaos/random.ts';
import type { Fault } from '../local/faults.ts';
import { services } from '../local/services.ts';
import { names } from '../pipeline/names.ts';

let all: Accounts;
const random = randomBy(Math.floor(Math.random() * 2 ** 31));

beforeAll(async () => {
  all = await accounts();
}, 60_000);
afterAll(() => all?.close());

it.each([0, 30, 90, 180].flatMap((seconds) => ROLE_WORDINGS.map((wording) => [seconds, wording] as const)))(
  'a first run succeeds, roles taking %i s to spread, in %s words',
  async (seconds, wording) => {
    expect(await roleRun(all, seconds * (0.5 + random() / 2), wording)).toEqual({ failed: {}, left: [], madeTwice: [] });
  },
  60_000,
);

it(
  'a role that still refuses after that is reported, with the role, the action and its policy',
  () =>
    all.inAccount({}, async ({ local, up }) => {
      local.faults.put({ rules: [{ operation: 'CreateDeliveryStream', fault: { kind: 'role' } }] });
      const pipeline = all.pipelineOf({ local: { speed: 2000 } });
      const { failed } = await up(pipeline);
      expect(Object.keys(failed).sort()).toEqual([
        ...['eventsDelivery', 'lateDelivery', 'leaderboardDelivery', 'playerDelivery', 'serverDelivery', 'teamDelivery'],
      ]);
      expect(failed.eventsDelivery).toContain('Firehose is unable to assume role');
      expect(failed.eventsDelivery).toContain(names(pipeline).roles.firehose);
      expect(failed.eventsDelivery).toContain('action sts:AssumeRole, which its trust policy has to allow');
    }),
  60_000,
);

describe('each operation failing once', () => {
  const KINDS: Fault[] = [{ kind: 'throttle' }, { kind: 'unavailable' }, { kind: 'cut' }, { kind: 'lostAnswer' }, { kind: 'timeout' }];
  it.each(KINDS.map((fault) => [fault.kind, fault] as const))(
    'by %s: everything stands, made once; and all goes again',
    (_kind, fault) =>
      all.inAccount({}, async ({ local, up, down, left }) => {
        const pipeline = all.pipelineOf();
        const rules = services.flatMap(({ name, operations }) =>
          Object.keys(operations).map((operation) => ({ service: name, operation, times: 1, fault })),
        );
        local.faults.put({ rules });
        expect((await up(pipeline)).failed).toEqual({});
        expect(local.faults.counts().filter(({ struck }) => struck > 0).length).toBeGreaterThan(40);
        local.faults.put({ rules: rules.filter(({ operation }) => /^(Delete|Stop|Batch|Detach|List)/.test(operation)) });
        await down(pipeline);
        local.faults.put({ rules: [] });
        expect(madeTwiceIn(local.calls.all())).toEqual([]);
        expect(await left()).toEqual([]);
      }),
    90_000,
  );
});

/** All of a service's errors are some forty rounds: a run of the tests takes these many, beginning anywhere; npm run chaos takes all. */
const ROUNDS = 4;

it('every modelled error of every operation that we call ends well or with a plain reason, and the next run mends it', async () => {
  const first = Math.floor(random() * 1000);
  const rounds = await errorRounds(all, first, ROUNDS);
  for (const end of rounds) {
    for (const reason of Object.values(end.failed)) expect(reason).toMatch(PLAIN_REASON);
    expect(end).toMatchObject({ mended: {}, left: [], madeTwice: [] });
  }
  expect(rounds.reduce((sum, { struck }) => sum + struck, 0)).toBeGreaterThan(ROUNDS);
}, 240_000);

it('taken down at any moment of coming up, nothing is left', async () => {
  for (let turn = 0; turn < 4; turn++) expect(await halfMadeRun(all, random() * 1_500)).toEqual([]);
}, 120_000);

it(
  'twenty pipelines at once, and two runs of one name, do not mix',
  () =>
    all.inAccount({}, async ({ local, up, down, left }) => {
      const pipelines = Array.from({ length: 20 }, () => all.pipelineOf());
      const runs = await Promise.all([...pipelines, pipelines[0]!].map(up));
      expect(runs.map(({ failed }) => failed)).toEqual(runs.map(() => ({})));
      expect(madeTwiceIn(local.calls.all())).toEqual([]);
      await Promise.all(pipelines.map(down));
      expect(await left()).toEqual([]);
    }),
  180_000,
);
