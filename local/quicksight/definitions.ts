import type { DashboardError, ValidationStrategy } from '@aws-sdk/client-quicksight';
import { type Aws, awsError } from '../aws.ts';
import { type Definition, faultsOf } from './validate.ts';

const MOST_DATA_SETS = 50;
const MOST_SHEETS = 20;

/** Checks a definition on its way in: what AWS refuses at once is thrown, the rest stands in `errors`, and fails the asset unless validation is LENIENT. */
export function checked<D extends Definition>(
  aws: Aws,
  input: { Definition?: D; SourceEntity?: unknown; ThemeArn?: string; Parameters?: unknown; ValidationStrategy?: ValidationStrategy },
): { definition: D; errors: DashboardError[]; isValid: boolean } {
  const invalid = (message: string) => awsError('InvalidParameterValueException', message);
  if (input.SourceEntity) throw invalid('SourceEntity (templates) is not part of the local AWS; give a Definition.');
  if (input.ThemeArn) throw invalid('Themes are not part of the local AWS.');
  const { Definition: definition } = input;
  if (!definition) throw invalid('Either Definition or SourceEntity must be given.');
  const { DataSetIdentifierDeclarations: declarations = [], Sheets: sheets = [] } = definition;
  if (declarations.length < 1 || declarations.length > MOST_DATA_SETS)
    throw invalid(`DataSetIdentifierDeclarations must be 1 to ${MOST_DATA_SETS}.`);
  if (sheets.length > MOST_SHEETS) throw invalid(`Sheets must be at most ${MOST_SHEETS}.`);
  const errors = faultsOf(aws, definition);
  return { definition, errors, isValid: errors.length === 0 || input.ValidationStrategy?.Mode === 'LENIENT' };
}
