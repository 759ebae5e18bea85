import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { serviceModels } from '../setup/steps/botocore.mjs';
import { projectRoot } from '../setup/tools.mjs';

/** What of a service model of PyPI's botocore is read here. */
interface Model {
  operations: Record<string, { errors?: { shape: string }[] }>;
}

/** Where botocore names a service otherwise than our local AWS. */
const BOTOCORE: Record<string, string> = { kinesisanalytics: 'kinesisanalyticsv2' };

/** Makes sure that AWS's service models are there. */
export async function haveModels(): Promise<void> {
  const step = serviceModels(projectRoot);
  if (await step.due()) await step.run();
}

const models = new Map<string, Model>();

/** The names of the errors that an operation may end with, by the model of its service. */
export function errorsOf(service: string, operation: string): string[] {
  const file = join(projectRoot, '.tools', 'botocore', `${BOTOCORE[service] ?? service}.json`);
  const model = models.get(service) ?? (JSON.parse(readFileSync(file, 'utf8')) as Model);
  models.set(service, model);
  return (model.operations[operation]?.errors ?? []).map(({ shape }) => shape);
}

/** The operations for which there is code in the product. */
export function operationsInCode(): string[] {
  const texts = ['activities', 'client'].flatMap((folder) =>
    readdirSync(join(projectRoot, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(join(projectRoot, folder, file), 'utf8')),
  );
  const imports = texts.flatMap((text) => [...text.matchAll(/import \{([^}]*)\} from '@aws-sdk\/client-/g)].map(([, names = '']) => names));
  const commands = imports.flatMap((names) => [...names.replaceAll(/ as \w+/g, '').matchAll(/\b(\w+)Command\b/g)]);
  return [...new Set(commands.map(([, operation = '']) => operation))].sort();
}
