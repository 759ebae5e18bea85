import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ANSWER_MS } from '../activities/target.ts';
import { type Account, type Accounts, accounts } from '../chaos/account.ts';
import { createdTwice } from '../chaos/effects.ts';
import { everythingThereIs } from '../chaos/inventory.ts';
import { halfMadeRun, ROLE_WORDINGS, roleRun } from '../chaos/provisions.ts';
import { oneOf, randomOf } from '../chaos/random.ts';
import { rollbackRun, STEPS } from '../chaos/rollbacks.ts';
import { AMBIGUOUS, ATTEMPTS, everyCall, everyError } from '../chaos/strikes.ts';
import { type StruckLives, struckLives } from '../chaos/struck-lives.ts';
import { STATES, takedownRun } from '../chaos/takedowns.ts';
import { twinRun } from '../chaos/twins.ts';
import { services } from '../local/services.ts';
import { names } from '../pipeline/names.ts';
import { STAGES } from '../pipeline/stages.ts';
import { SEED, timesOf } from './chaos-budget.ts';

const random = randomOf(SEED, 0);
/** A run that came to its end, with every count at 0. */
const CONVERGED = expect.objectContaining({ converged: true });

let all: Accounts;
beforeAll(async () => {
  all = await accounts();
});
afterAll(() => all?.close());

describe(`by seed ${SEED} (CHAOS_SEED=${SEED} repeats it)`, () => {
  const roles = timesOf('roles', 4);
  it.each([30, 180].flatMap((seconds) => ROLE_WORDINGS.map((wording) => [seconds, wording] as const)))(
    'a first run succeeds, roles taking up to %i s to spread, in %s words',
    async (seconds, wording) => {
      expect(await roleRun(all, seconds * (0.5 + random() / 2), wording, roles.within)).toEqual(CONVERGED);
    },
    roles.timeout,
  );

  it(
    'a role that still refuses after that is reported, with the role, the action and its policy',
    () =>
      all.inAccount({}, async ({ local, up }) => {
        local.faults.put({ rules: [{ operation: 'CreateDeliveryStream', fault: { kind: 'role' } }] });
        const pipeline = all.pipelineOf({ local: { speed: 2000 } });
        const { failed } = await up(pipeline);
        const deliveries = Object.keys(STAGES).filter((stage) => stage.endsWith('Delivery'));
        expect(Object.keys(failed).sort()).toEqual(deliveries.sort());
        expect(failed.eventsDelivery).toContain('Firehose is unable to assume role');
        expect(failed.eventsDelivery).toContain(names(pipeline).roles.firehose);
        expect(failed.eventsDelivery).toContain('action sts:AssumeRole, which its trust policy has to allow');
      }),
    roles.timeout,
  );

  describe('a call of each operation of the foundation failing until Temporal hears of it', () => {
    it.each(AMBIGUOUS.map((fault) => [fault.kind, fault, Math.floor(random() * 2)] as const))(
      'by %s: everything stands, made once; and all goes again',
      (_kind, fault, after) =>
        all.inAccount({}, async ({ local, aws, up, down }) => {
          const pipeline = all.pipelineOf();
          const before = await everythingThereIs(aws, pipeline.account);
          const rules = services.flatMap(({ name, operations }) =>
            Object.keys(operations).map((operation) => ({ service: name, operation, after, times: ATTEMPTS, fault })),
          );
          local.faults.put({ rules });
          expect((await up(pipeline)).failed).toEqual({});
          expect(await down(pipeline)).toEqual({});
          expect(local.faults.counts().filter(({ struck }) => struck === ATTEMPTS).length).toBeGreaterThan(20);
          local.faults.put({ rules: [] });
          expect(createdTwice(local.calls.all())).toEqual([]);
          expect(await everythingThereIs(aws, pipeline.account)).toEqual(before);
        }),
      timesOf('each operation').timeout,
    );
  });

  it(
    'broken off half made and taken down, nothing is left',
    async () => {
      expect(await halfMadeRun(all, 1, SEED, timesOf('half made').within)).toEqual(CONVERGED);
    },
    timesOf('half made').timeout,
  );

  it(
    'twenty pipelines at once, and two runs of one name, do not mix',
    () =>
      // Every call is answered here, but each behind a great many.
      all.inAccount({ answerWithin: ANSWER_MS }, async ({ local, aws, up, down }) => {
        const pipelines = Array.from({ length: 20 }, () => all.pipelineOf());
        const before = await everythingThereIs(aws, pipelines[0]!.account);
        const runs = await Promise.all([...pipelines, pipelines[0]!].map(up));
        expect(runs.map(({ failed }) => failed)).toEqual(runs.map(() => ({})));
        expect(createdTwice(local.calls.all())).toEqual([]);
        expect(await Promise.all(pipelines.map(down))).toEqual(pipelines.map(() => ({})));
        expect(await everythingThereIs(aws, pipelines[0]!.account)).toEqual(before);
      }),
    timesOf('many at once').timeout,
  );

  describe('a whole life', () => {
    let account: Account & { close(): Promise<void> };
    beforeAll(async () => {
      account = await all.open();
    });
    afterAll(() => account?.close());

    it(
      'is taken down in a state that is named, and at any moment, and nothing is left',
      async () => {
        const { within } = timesOf('takedowns', 2);
        const named = 1 + Math.floor(random() * Object.keys(STATES).length);
        expect(await takedownRun(account, named, SEED, within)).toEqual(CONVERGED);
        expect(await takedownRun(account, Object.keys(STATES).length + 1, SEED, within)).toEqual(CONVERGED);
      },
      timesOf('takedowns').timeout,
    );

    it(
      'is broken off at a step and rolled back, and nothing is left',
      async () => {
        expect(await rollbackRun(account, 1, oneOf(STEPS, random), SEED, timesOf('rollbacks').within)).toEqual(CONVERGED);
      },
      timesOf('rollbacks').timeout,
    );

    it(
      'is begun by two clients at once, by two specs: each is refused in words, or carried out',
      async () => {
        expect(await twinRun(account, 1, SEED, timesOf('twins').within)).toEqual(CONVERGED);
      },
      timesOf('twins').timeout,
    );

    it(
      'ends well, or holds for a plain reason and goes on, whatever error its calls meet',
      async () => {
        const { within } = timesOf('struck lives', 2);
        const both: StruckLives = struckLives({
          account,
          what: 'struck',
          strikesOf: (calls) => [...everyError(calls, random), ...everyCall(calls)],
          each: 40,
          attributes: false,
          random,
          within,
        });
        const run = await both.next();
        expect(run).toEqual(CONVERGED);
        expect(run.blows.length).toBeGreaterThan(20);
      },
      timesOf('struck lives').timeout,
    );
  });
});
