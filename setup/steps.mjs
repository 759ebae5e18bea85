import { serviceModels } from './steps/botocore.mjs';
import { clientBundle, workflowBundle } from './steps/bundles.mjs';
import { chromium } from './steps/chromium.mjs';
import { composeSchema } from './steps/compose-schema.mjs';
import { flinkClasses, flinkJars } from './steps/flink.mjs';
import { packages } from './steps/packages.mjs';
import { temporal } from './steps/temporal.mjs';

/**
 * One thing that set-up brings. `due` is quick and needs no network; `missing` names, a plain line each, the programs that `run` needs and the machine
 * lacks; `run` may be interrupted anywhere and run again; `after` names the steps to wait for.
 * @typedef {{ name: string, after?: string[], due(): boolean | Promise<boolean>, missing(): string[] | Promise<string[]>, run(): Promise<void> }} Step
 */

/**
 * The steps for a checkout: with `tests` those too that only the tests need (Chromium, Studio's own Flink, AWS's service models, the compose schema), without
 * `temporal` not the Temporal server, without `flink` not the Flink of the local AWS, without `bundles` not what is bundled ahead of our own sources.
 * @param {string} root
 * @param {{ tests: boolean, temporal: boolean, flink: boolean, bundles: boolean }} wanted
 * @returns {Step[]}
 */
export const stepsFor = (root, wanted) => [
  packages(root),
  ...(wanted.temporal ? [temporal(root)] : []),
  ...(wanted.bundles ? [workflowBundle(root), clientBundle(root)] : []),
  ...(wanted.flink ? [flinkJars(root), flinkClasses(root)] : []),
  ...(wanted.tests ? [flinkJars(root, 'flink-1.15'), chromium(), composeSchema(root), serviceModels(root)] : []),
];

/**
 * The steps that have something to do, in the order given.
 * @param {Step[]} steps
 * @returns {Promise<Step[]>}
 */
export async function dueSteps(steps) {
  const due = await Promise.all(steps.map((step) => step.due()));
  return steps.filter((_, index) => due[index]);
}
