import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DescribeApplicationCommand } from '@aws-sdk/client-kinesis-analytics-v2';
import { expect, it } from '@jest/globals';
import type { Clients } from '../activities/aws.ts';
import { notebookActivities } from '../activities/kinesis-analytics-v2/notebook.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'rerun' }), account: '000000000000' };
const role = names(pipeline).roles.studio;

/** What is said of a note in whose paragraphs these states stand, those that failed in these words, and how often it is run. */
async function looked(
  states: string[],
  isRunning: boolean,
  { ApplicationStatus = 'RUNNING', words = 'no such column', roleMade = new Date(0) } = {},
): Promise<{ said: string; runs: number }> {
  let runs = 0;
  const zeppelin = createServer(({ method }, response) => {
    if (method === 'POST') runs++;
    response.setHeader('set-cookie', 'session=1');
    const paragraphs = states.map((status, i) => ({ id: `paragraph_${i}`, status, errorMessage: status === 'ERROR' ? words : undefined }));
    response.end(JSON.stringify({ body: { isRunning, paragraphs } }));
  });
  await new Promise<void>((listening) => zeppelin.listen(0, '127.0.0.1', listening));
  const { port } = zeppelin.address() as AddressInfo;
  const send = async (command: object) =>
    command instanceof DescribeApplicationCommand
      ? { ApplicationDetail: { ApplicationStatus } }
      : { AuthorizedUrl: `http://127.0.0.1:${port}/zeppelin/` };
  const iam = { send: async () => ({ Role: { CreateDate: roleMade } }) };
  const aws = { kinesisAnalyticsV2: { send }, iam } as unknown as Clients;
  try {
    const said: Error = await notebookActivities(aws)
      ['notebook.awaitRunning'](pipeline)
      .then(
        () => new Error('it runs'),
        (error) => error,
      );
    return { said: said.message, runs };
  } finally {
    zeppelin.closeAllConnections();
    await new Promise((closed) => zeppelin.close(closed));
  }
}

it('begins the note again when the application was made anew, which took its run along', async () => {
  const { said, runs } = await looked(['READY', 'READY'], false);
  expect(said).toContain('the note has not been run since its application started');
  expect(runs).toBe(1);
});

it('leaves a run alone that is under way, and one that failed', async () => {
  expect(await looked(['FINISHED', 'READY'], true)).toMatchObject({ runs: 0 });
  expect(await looked(['FINISHED', 'PENDING'], false)).toMatchObject({
    runs: 0,
    said: expect.stringContaining("paragraph 2 of the note's 2 is PENDING"),
  });
  expect(await looked(['FINISHED', 'ERROR'], false)).toMatchObject({ runs: 0, said: expect.stringContaining('ended as ERROR') });
});

it('does not wait for the note of an application that was stopped', async () => {
  expect(await looked(['READY', 'READY'], false, { ApplicationStatus: 'READY' })).toEqual({
    said: 'application rerun-studio was stopped',
    runs: 0,
  });
});

it.each([
  ['says so while its role is new, whatever its wording', 'no such column', new Date(), `(role ${role} is new and may not have spread yet`],
  ['names no policy while its role is new', 'access denied', new Date(), `(role ${role} is new and may not have spread yet`],
  ['names the policy that lacks something later', 'access denied', new Date(0), `(role ${role}: what the service needs, which its policy`],
])('of one that failed %s', async (_what, words, roleMade, wanted) => {
  const { said } = await looked(['FINISHED', 'ERROR'], false, { words, roleMade });
  expect(said).toContain(`paragraph paragraph_1 of the note ended as ERROR: ${words} ${wanted}`);
});
