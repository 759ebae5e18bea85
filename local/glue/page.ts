import { awsError } from '../aws.ts';

/** One page of a list, with the token of the next; throws InvalidInputException on a token that is not ours. */
export function pageOf<Item>(
  items: Item[],
  { token, size = 100, error = 'InvalidInputException' }: { token?: string; size?: number; error?: string },
): { items: Item[]; next?: string } {
  const from = token === undefined ? 0 : Number(Buffer.from(token, 'base64url').toString());
  if (!Number.isInteger(from) || from < 0) throw awsError(error, 'Invalid continuation token.');
  const end = from + size;
  return { items: items.slice(from, end), next: end < items.length ? Buffer.from(String(end)).toString('base64url') : undefined };
}
