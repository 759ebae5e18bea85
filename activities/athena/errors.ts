import { isNamed } from '../errors.ts';

/** True for a missing thing. Athena says almost everything with one exception; its text tells this apart. */
export const isAbsent = (error: unknown): boolean =>
  isNamed(error, 'ResourceNotFoundException') || says(error, /is not found|does not exist|not found/i);

/** True when the name is taken by now. */
export const isTaken = (error: unknown): boolean => says(error, /already (created|exists)/i);

const says = (error: unknown, text: RegExp) => isNamed(error, 'InvalidRequestException') && text.test((error as Error).message);
