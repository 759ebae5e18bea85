import { type Pipeline, parseSpec } from '../pipeline/spec.ts';

export const ACCOUNT = '000000000000';
/** The ARN of a QuickSight user or group of the local account. */
export const principal = (kind: 'user' | 'group', name: string, region = 'us-east-1') =>
  `arn:aws:quicksight:${region}:${ACCOUNT}:${kind}/default/${name}`;
/** A pipeline whose account is looked at before anything is made. */
export const pipelineOf = (spec: object = {}): Pipeline => ({
  ...parseSpec({ name: 'looked', target: 'aws', quicksightPrincipal: principal('group', 'local'), ...spec }),
  account: ACCOUNT,
});
