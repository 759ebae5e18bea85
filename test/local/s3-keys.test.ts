import { readdir } from 'node:fs/promises';
import { relative } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { dir, s3 } from './s3-stage.ts';

test('no key leads out of the lake, and every key brings its own bytes back', async () => {
  const part = fc.oneof(
    fc.constantFrom('..', '.', '', '%2F', '%2e%2e', 'a', '@a', '~', 'year=2026', '\\', 'é', '\u0000', 'n'.repeat(300)),
    fc.string({ unit: 'binary', maxLength: 12 }),
  );
  const key = fc
    .array(part, { minLength: 1, maxLength: 6 })
    .map((parts) => parts.join('/'))
    .filter((text) => text !== '' && Buffer.byteLength(text) <= 1024);
  const outside = async () =>
    (await readdir(dir, { recursive: true })).filter((path) => !relative('s3/hostile', path).match(/^(?!\.\.)/)).sort();
  await s3.send(new CreateBucketCommand({ Bucket: 'hostile' }));
  const before = await outside();
  const all = new Map<string, string>();
  let made = 0;
  await fc.assert(
    fc.asyncProperty(key, async (Key) => {
      const body = `${made++} ${Key}`;
      await s3.send(new PutObjectCommand({ Bucket: 'hostile', Key, Body: body }));
      all.set(Key, body);
      expect(await (await s3.send(new GetObjectCommand({ Bucket: 'hostile', Key }))).Body!.transformToString()).toBe(body);
    }),
    {
      numRuns: 200,
      examples: [
        ['..'],
        ['../../../../tmp/out'],
        ['/'],
        ['//'],
        ['a/../../b'],
        ['é'.repeat(512)],
        ['/'.repeat(200)],
        [`${'../'.repeat(30)}x`],
      ],
    },
  );
  for (const [Key, body] of all)
    expect(await (await s3.send(new GetObjectCommand({ Bucket: 'hostile', Key }))).Body!.transformToString()).toBe(body);
  expect(await outside()).toEqual(before);
  const listed: string[] = [];
  for (let ContinuationToken: string | undefined; ; ) {
    const page = await s3.send(new ListObjectsV2Command({ Bucket: 'hostile', EncodingType: 'url', MaxKeys: 50, ContinuationToken }));
    listed.push(...(page.Contents ?? []).map(({ Key }) => decodeURIComponent(Key!.replaceAll('+', ' '))));
    ContinuationToken = page.NextContinuationToken;
    if (!page.IsTruncated) break;
  }
  expect(listed.sort()).toEqual([...all.keys()].sort());
  await expect(s3.send(new PutObjectCommand({ Bucket: 'hostile', Key: 'n'.repeat(1025), Body: 'x' }))).rejects.toMatchObject({
    name: 'KeyTooLongError',
  });
});
