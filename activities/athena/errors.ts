import { isNamed } from '../errors.ts';

/** Athena says almost everything with one exception; its text tells a missing thing apart. */
export const isAbsent = (error: unknown): boolean => saying(error, /is not found|does not exist|not found/i);

/** True when the name is taken by now. */
export const isTaken = (error: unknown): boolean => saying(error, /already (created|exists)/i);

const saying = (error: unknown, text: RegExp) =>
  isNamed(error, 'ResourceNotFoundException') || (isNamed(error, 'InvalidRequestException') && text.test((error as Error).message));
