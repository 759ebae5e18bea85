import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DescribeStreamSummaryCommand, ListStreamsCommand, ListTagsForStreamCommand } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import fc from 'fast-check';
import { clients } from '../activities/aws.ts';
import { RATES, turnsOf } from '../activities/call-rates.ts';
import { haveModels, operationsInCode } from '../chaos/models.ts';
import type { Local } from '../local/start.ts';
import { projectRoot } from '../setup/tools.mjs';
import { localAws } from './local-aws.ts';

const SECOND_MS = 1000;

describe('calls in turn', () => {
  const calls = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 * SECOND_MS })), { minLength: 1, maxLength: 60 });
  it('are never more in a second than may be, wait no longer than they must, and keep their order', () => {
    fc.assert(
      fc.property(calls, fc.integer({ min: 1, max: 20 }), (gaps, rate) => {
        const turns = turnsOf(rate, SECOND_MS);
        let now = 0;
        const made: number[] = [];
        for (const gap of gaps) {
          now += gap;
          const { at, taken } = turns(now);
          const before = made.at(-rate) ?? Number.NEGATIVE_INFINITY;
          expect(at).toBeGreaterThanOrEqual(Math.max(now, made.at(-1) ?? 0));
          expect(at - before).toBeGreaterThanOrEqual(SECOND_MS);
          if (at > now) expect(at - before).toBe(SECOND_MS);
          // Now and then the machine is busy.
          const time = at + (gap % 7 === 0 ? 50 : 0);
          taken(time);
          now = Math.max(now, time);
          made.push(time);
        }
      }),
    );
  });

  it('are promised one by one to those who ask at once', () => {
    const turns = turnsOf(5, SECOND_MS);
    const asked = Array.from({ length: 16 }, () => turns(0));
    expect(asked.map(({ at }) => at / SECOND_MS)).toEqual(Array.from({ length: 16 }, (_, i) => Math.floor(i / 5)));
  });
});

describe('rates', () => {
  beforeAll(haveModels);

  it('are those of the service models, for each operation that the code calls and a model limits by the account', () => {
    const NUMBERS: Record<string, number> = { one: 1, five: 5 };
    const said = ['athena', 'firehose', 'glue', 'iam', 'kinesis', 'kinesisanalyticsv2', 'logs', 'quicksight', 's3', 'sts'].flatMap(
      (service) => {
        const model = JSON.parse(readFileSync(join(projectRoot, '.tools', 'botocore', `${service}.json`), 'utf8')) as {
          operations: Record<string, { documentation?: string }>;
        };
        return Object.entries(model.operations).flatMap(([operation, { documentation = '' }]) => {
          const text = documentation.replace(/<[^>]+>/g, '');
          const [, rate = ''] =
            /limit of (\w+) transactions? per second(?: per account(?! per)|, after)/.exec(text) ??
            /TPS over (\d+) will trigger/.exec(text) ??
            /Limited to (\d+) TPS per user/.exec(text) ??
            [];
          return rate === '' ? [] : [[operation, { calls: NUMBERS[rate] ?? Number(rate), seconds: 1 }] as const];
        });
      },
    );
    const inCode = new Set(operationsInCode());
    const wanted = Object.fromEntries(said.filter(([operation]) => inCode.has(operation)));
    expect(Object.keys(wanted).length).toBeGreaterThan(10);
    expect(RATES).toMatchObject(wanted);
    expect(Object.keys(RATES).filter((operation) => !inCode.has(operation))).toEqual([]);
    // Of Athena and of Firehose's others their pages of quotas tell.
    const others = Object.keys(RATES).filter((operation) => !(operation in wanted));
    expect(others.filter((operation) => !/Delivery|Destination|Quer(y|ies)/.test(operation))).toEqual([]);
  });
});

const asked = <Answer>(call: Promise<Answer>) => call.catch((error: Error) => error.name);

describe('a client of the real AWS', () => {
  let local: Local;
  beforeAll(async () => {
    local = await localAws();
  });
  afterAll(() => local.close());

  it('makes no more calls in a second than AWS takes of their operation, those among them that the SDK tries again; others do not wait for them', async () => {
    const aws = clients({ ...local, isPaced: true });
    try {
      local.faults.put({ rules: [{ operation: 'ListTagsForStream', fault: { kind: 'unavailable' }, after: 2, times: 1 }] });
      const sent: number[] = [];
      const note =
        (next: (request: object) => Promise<never>, { commandName }: { commandName?: string }) =>
        (request: object) => {
          if (commandName === 'ListTagsForStreamCommand') sent.push(performance.now());
          return next(request);
        };
      aws.kinesis.middlewareStack.add(note as never, { step: 'deserialize', priority: 'low' });
      const tags = () => asked(aws.kinesis.send(new ListTagsForStreamCommand({ StreamName: 'none' })));
      const ended: string[] = [];
      await Promise.all([
        ...Array.from({ length: 8 }, (_, i) => tags().then(() => ended.push(`tags ${i}`))),
        asked(aws.kinesis.send(new DescribeStreamSummaryCommand({ StreamName: 'none' }))).then(() => ended.push('stream')),
      ]);
      expect(ended.indexOf('stream')).toBeLessThan(ended.indexOf('tags 7'));
      expect(sent).toHaveLength(9);
      for (const [i, at] of sent.entries()) if (i >= 5) expect(at - sent[i - 5]!).toBeGreaterThanOrEqual(SECOND_MS);
    } finally {
      for (const client of Object.values(aws)) client.destroy();
    }
  });

  it('does not make a call whose activity is cancelled while it waits', async () => {
    const aws = clients({ ...local, isPaced: true });
    const made = () => local.calls.all().filter(({ operation }) => operation === 'ListStreams').length;
    const list = () => asked(aws.kinesis.send(new ListStreamsCommand({})));
    const activity = new MockActivityEnvironment();
    try {
      await Promise.all(Array.from({ length: 5 }, list));
      const sixth = activity.run(list);
      activity.cancel();
      // What Node throws is no Error of Jest's own, which the SDK wraps.
      expect(await sixth).toMatch(/^(Abort)?Error$/);
      expect(made()).toBe(5);
    } finally {
      aws.kinesis.destroy();
    }
  });
});
