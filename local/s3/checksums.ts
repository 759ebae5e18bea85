import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { awsError } from '../aws.ts';

const big32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes.toString('base64');
};

const KNOWN: Record<string, (body: Buffer) => string> = {
  ChecksumCRC32: (body) => big32(crc32(body)),
  ChecksumSHA1: (body) => createHash('sha1').update(body).digest('base64'),
  ChecksumSHA256: (body) => createHash('sha256').update(body).digest('base64'),
};

/** Checks the checksums that came with `body` and returns them by member name; BadDigest or InvalidDigest where one does not match. */
export function verifiedChecksums(input: { ContentMD5?: string | undefined }, body: Buffer): Record<string, string> {
  if (input.ContentMD5 !== undefined && input.ContentMD5 !== createHash('md5').update(body).digest('base64'))
    throw awsError('BadDigest', 'The Content-MD5 you specified did not match what we received.');
  const given = Object.entries(input).filter(
    (entry): entry is [string, string] => /^Checksum(?!Algorithm|Type)/.test(entry[0]) && entry[1] !== undefined,
  );
  for (const [name, value] of given) {
    const algorithm = name.slice('Checksum'.length);
    if (KNOWN[checksumName(algorithm)]?.(body) !== value)
      throw awsError('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`);
  }
  return Object.fromEntries(given);
}

/** The member name (`ChecksumCRC32`) of an algorithm (`CRC32`); NotImplemented if it is none that is computed here. */
export function checksumName(algorithm: string): string {
  const name = `Checksum${algorithm}`;
  if (!(name in KNOWN)) throw awsError('NotImplemented', `The local AWS does not compute ${algorithm} checksums.`);
  return name;
}

/** The checksum of the parts' checksums, as S3 has it of an upload in parts: `<base64>-<parts>`, by member name; none if a part came without. */
export function compositeChecksum(name: string, parts: readonly { checksums: Record<string, string> }[]): Record<string, string> {
  const each = parts.flatMap(({ checksums }) => checksums[name] ?? []);
  if (each.length < parts.length) return {};
  return { [name]: `${KNOWN[name]!(Buffer.concat(each.map((sum) => Buffer.from(sum, 'base64'))))}-${parts.length}` };
}
