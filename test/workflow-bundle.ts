import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundle, type WorkflowBundleOption } from '@temporalio/worker';
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
  return codePath ? { codePath } : bundleOf('workflows/index.ts');
}

/** The workflows of one module, by its path in the project: some run as children only, and have no name in the product's. */
export const bundleOf = (path: string): Promise<WorkflowBundle> =>
  bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL(`../${path}`, import.meta.url)), logger: new DefaultLogger('ERROR') });
