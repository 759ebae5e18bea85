import type {
  StartApplicationRequest,
  StartApplicationResponse,
  StopApplicationRequest,
  StopApplicationResponse,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { applicationOf, applications, begin, end, operations } from './application.ts';
import { abortUnfinished } from './note.ts';
import { checkRole } from './preconditions.ts';
import { applicationStatus, halt, launch } from './studio.ts';

export const startApplication: Operation<StartApplicationRequest, StartApplicationResponse> = ({ ApplicationName: name }, aws) => {
  const application = applicationOf(aws, name);
  const status = applicationStatus(aws, application);
  if (status !== 'READY')
    throw awsError('ResourceInUseException', `Application ${application.name} cannot be started when it is ${status}.`);
  checkRole(aws, application);
  applications(aws).set(application.name, { ...application, wanted: 'RUNNING' });
  aws.begins('application start', application.name);
  const operation = begin(aws, application.name, 'StartApplication');
  launch(aws, application, operation);
  return { OperationId: operation };
};

const STOPPABLE_BY_FORCE = ['STARTING', 'UPDATING', 'STOPPING', 'AUTOSCALING', 'RUNNING'];

export const stopApplication: Operation<StopApplicationRequest, StopApplicationResponse> = (
  { ApplicationName: name, Force: force = false },
  aws,
) => {
  const application = applicationOf(aws, name);
  const status = applicationStatus(aws, application);
  if (!(force ? STOPPABLE_BY_FORCE.includes(status) : status === 'RUNNING'))
    throw awsError('ResourceInUseException', `Application ${application.name} cannot be stopped when it is ${status}.`);
  applications(aws).set(application.name, { ...application, wanted: 'READY' });
  aws.begins('application stop', application.name);
  for (const { id, application: of, operation } of operations(aws).values())
    if (of === application.name && operation !== 'StopApplication') end(aws, id, 'CANCELLED');
  const operation = begin(aws, application.name, 'StopApplication');
  void stop(aws, application.name, operation, force).catch((error: Error) => aws.log('flink', `${application.name}: ${error.stack}`));
  return { OperationId: operation };
};

async function stop(aws: Aws, name: string, operation: string, force: boolean): Promise<void> {
  await halt(aws, name, force ? 'FORCE_STOPPING' : 'STOPPING');
  end(aws, operation, 'SUCCESSFUL');
  await aws.journal.commit();
}

/** Takes up, after the local AWS itself has ended and come back, what was wanted of every application. */
export function resume(aws: Aws): void {
  const underWay = operations(aws)
    .values()
    .filter(({ status }) => status === 'IN_PROGRESS');
  for (const application of applications(aws).values()) {
    const mine = underWay.filter((operation) => operation.application === application.name);
    const start = mine.find(({ operation }) => operation !== 'StopApplication');
    for (const { id, operation } of mine) if (operation === 'StopApplication' || application.wanted === 'READY') end(aws, id, 'SUCCESSFUL');
    // The JVM ended with us: what its paragraphs did is lost, as Zeppelin says when it loads a note again.
    abortUnfinished(aws, application.name);
    const phase = start?.operation === 'UpdateApplication' ? 'UPDATING' : 'STARTING';
    if (application.wanted === 'RUNNING') launch(aws, application, start?.id, phase);
  }
}
