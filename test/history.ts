import { createRequire } from 'node:module';

/** The history of one workflow run, as the SDK's message class. */
export type History = object;

// The SDK's own conversion (historyToJSON, historyFromJSON) fails where npm has installed protobufjs more than once; its message classes convert by themselves.
const ofSdk = createRequire(import.meta.resolve('@temporalio/worker'));
const { temporal } = ofSdk('@temporalio/proto') as {
  temporal: { api: { history: { v1: { History: { fromObject(json: object): History } } } } };
};

/** A history read from JSON that `JSON.stringify` wrote of one. */
export const historyOf = (json: string): History => temporal.api.history.v1.History.fromObject(JSON.parse(json) as object);
