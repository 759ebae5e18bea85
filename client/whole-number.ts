import { InvalidArgumentError } from 'commander';

/** An option's value that counts something: a whole number of at least 1. */
export function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('a whole number of at least 1 is wanted.');
  return number;
}
