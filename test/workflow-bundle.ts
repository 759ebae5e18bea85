import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundleOption } from '@temporalio/worker';
import { bundledWorkflows } from '../setup/steps/bundles.mjs';
import { projectRoot } from '../setup/tools.mjs';

let made: Promise<WorkflowBundleOption> | undefined;

/** The product's workflows for workers of tests: as set-up bundled them, if the sources are still the same, or else bundled once. */
export function workflowBundle(): Promise<WorkflowBundleOption> {
  made ??= bundle();
  return made;
}

async function bundle(): Promise<WorkflowBundleOption> {
  const codePath = bundledWorkflows(projectRoot);
  if (codePath) return { codePath };
  const workflowsPath = fileURLToPath(new URL('../workflows/index.ts', import.meta.url));
  return bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });
}
