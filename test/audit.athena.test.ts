import { type GetQueryExecutionCommand, GetQueryResultsCommand, StartQueryExecutionCommand } from '@aws-sdk/client-athena';
import { expect, it } from '@jest/globals';
import { windowsInAthena } from '../activities/athena/blocks.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';

const pipeline: Pipeline = { ...parseSpec({}), account: '000000000000' };

/** An Athena whose executions end with these errors, one after the other, and then succeed; `tokens` are those that it was asked with. */
function athena(...errors: object[]) {
  const tokens = new Set<string>();
  const send = async (command: object) => {
    if (command instanceof StartQueryExecutionCommand) {
      tokens.add(command.input.ClientRequestToken!);
      return { QueryExecutionId: String([...tokens].indexOf(command.input.ClientRequestToken!)) };
    }
    if (command instanceof GetQueryResultsCommand)
      return { ResultSet: { Rows: [{}, { Data: [{ VarCharValue: '7' }, { VarCharValue: '0' }] }] } };
    const error = errors[Number((command as GetQueryExecutionCommand).input.QueryExecutionId)];
    const Status = error ? { State: 'FAILED', StateChangeReason: 'so it is', AthenaError: error } : { State: 'SUCCEEDED' };
    return { QueryExecution: { Status, Statistics: { DataScannedInBytes: 5 } } };
  };
  const ask = () => windowsInAthena({ send } as never, pipeline, { sending: false, hours: 2 }, 'run/1');
  return { ask, tokens };
}

const FAILED = 'counting in Athena ended as FAILED: so it is';

it('a count in Athena whose failure may pass is asked again by another token; the same attempt by the same', async () => {
  const { ask, tokens } = athena({ ErrorCategory: 1 }, { ErrorCategory: 2, Retryable: true });
  for (let attempt = 0; attempt < 2; attempt++) expect(await ask()).toEqual({ checked: 7, wrong: 0, worst: [], bytesScanned: 5 });
  expect(tokens.size).toBe(3);
});

it('a count that fails for good, or time and again, is not asked for ever', async () => {
  const wrong = athena({ ErrorCategory: 2, Retryable: false });
  await expect(wrong.ask()).rejects.toThrow(FAILED);
  expect(wrong.tokens.size).toBe(1);
  const sick = athena({ ErrorCategory: 1 }, { ErrorCategory: 1 }, { ErrorCategory: 1 });
  await expect(sick.ask()).rejects.toThrow(FAILED);
  expect(sick.tokens.size).toBe(3);
});
