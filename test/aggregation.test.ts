import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { aggregate, payloads, type UserRecord, userRecords } from '../pipeline/aggregation.ts';

const MAX_HASH = (1n << 128n) - 1n;
const record = fc.record(
  {
    partitionKey: fc.oneof(fc.constantFrom('match-1', 'match-2'), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 64 })),
    hashKey: fc.oneof(fc.constantFrom('0', String(MAX_HASH)), fc.bigInt(0n, MAX_HASH).map(String)),
    data: fc.uint8Array({ maxLength: 400 }),
  },
  { requiredKeys: ['partitionKey', 'data'] },
);

/** The records in as many aggregates as it takes, and those that no aggregate has room for. */
function packed(records: UserRecord[], limit: number) {
  const into = aggregate(limit);
  const full: Buffer[] = [];
  const tooLarge: UserRecord[] = [];
  const sizes: number[] = [];
  const finish = () => {
    sizes.push(into.size());
    full.push(into.finish());
  };
  for (const each of records) {
    const { partitionKey, hashKey, data } = each;
    if (into.add(partitionKey, hashKey, data)) continue;
    if (into.count() > 0) finish();
    if (!into.add(partitionKey, hashKey, data)) tooLarge.push(each);
  }
  if (into.count() > 0) finish();
  return { full, tooLarge, sizes };
}

const plain = ({ partitionKey, hashKey, data }: UserRecord) => ({ partitionKey, ...(hashKey && { hashKey }), data: Buffer.from(data) });
const opened = (data: Uint8Array): UserRecord[] => userRecords({ partitionKey: 'a', data });

describe('an aggregate', () => {
  it('gives back the records that went in, in order, and is never larger than its limit nor than it said', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 60 }), fc.integer({ min: 64, max: 4000 }), (records, limit) => {
        const { full, tooLarge, sizes } = packed(records, limit);
        expect(full.flatMap((each) => opened(each)).map(plain)).toEqual(records.filter((each) => !tooLarge.includes(each)).map(plain));
        expect(full.map(({ length }) => length)).toEqual(sizes);
        for (const { length } of full) expect(length).toBeLessThanOrEqual(limit);
        // What was called too large does not fit an aggregate of its own.
        for (const each of tooLarge) expect(packed([each], 1 << 20).full[0]!.length).toBeGreaterThan(limit);
      }),
    );
  });

  it('takes text as its UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
        const into = aggregate();
        into.add('k', '0', text);
        expect(payloads(into.finish())).toEqual([Buffer.from(text)]);
      }),
    );
  });

  it('is refused room for one byte more than there is', () => {
    const size = packed([{ partitionKey: 'k', hashKey: '1', data: new Uint8Array(100) }], 1000).sizes[0]!;
    expect(aggregate(size).add('k', '1', new Uint8Array(100))).toBe(true);
    expect(aggregate(size - 1).add('k', '1', new Uint8Array(100))).toBe(false);
  });
});

describe('what is no aggregate', () => {
  const isItself = (data: Uint8Array) => {
    const original = { partitionKey: 'k', data };
    expect(userRecords(original)).toEqual([original]);
    expect(payloads(data)).toEqual([data]);
  };
  const whole = (records: UserRecord[]) => packed(records, 1 << 20).full[0]!;
  const MAGIC = Buffer.from([0xf3, 0x89, 0x9a, 0xc2]);
  const sealed = (message: Uint8Array) => Buffer.concat([MAGIC, message, createHash('md5').update(message).digest()]);

  it('is one record, itself: any bytes, also behind the magic', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), isItself));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (rest) => isItself(Buffer.concat([MAGIC, rest]))));
  });

  it('is one record, itself: an aggregate cut short, or with any byte changed', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 10 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (records, at, by) => {
        const bytes = whole(records);
        isItself(bytes.subarray(0, at % bytes.length));
        const changed = Buffer.from(bytes);
        changed[at % bytes.length]! ^= by;
        isItself(changed);
      }),
    );
  });

  it('is one record, itself: anything under a right checksum that is no such message', () => {
    // Of random messages most are malformed; one that is not decodes to records of its own.
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (message) => {
        const data = sealed(message);
        const records = opened(data);
        if (records.length === 1 && records[0]!.data === data) isItself(data);
        else for (const each of records) expect(data.includes(Buffer.from(each.data))).toBe(true);
      }),
    );
    const [key, entry] = [Buffer.from([0x0a, 1, 0x6b]), (index: number) => Buffer.from([0x1a, 5, 0x08, index, 0x1a, 1, 0x78])];
    expect(opened(sealed(Buffer.concat([entry(0), key])))).toEqual([{ partitionKey: 'k', data: Buffer.from('x') }]);
    for (const wrong of [key, entry(0), Buffer.concat([key, entry(1)]), Buffer.concat([key, entry(0).subarray(0, -1)])])
      isItself(sealed(wrong));
    isItself(sealed(Buffer.concat([key, Buffer.from([0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1])])));
  });

  it('has tags passed over', () => {
    const tagged = Buffer.from([0x0a, 1, 0x6b, 0x1a, 10, 0x08, 0, 0x1a, 1, 0x78, 0x22, 3, 0x0a, 1, 0x74]);
    expect(opened(sealed(tagged))).toEqual([{ partitionKey: 'k', data: Buffer.from('x') }]);
  });
});

/**
 * The same four records by AWS's own library and by us. The first was made by AggRecord of PyPI aws-kinesis-agg 1.2.3 (add_user_record for each, then
 * get_contents()); of the second, its deaggregate_records() gave back the same keys and data. It reads a missing hash key as the first one of the table.
 */
describe('other implementations', () => {
  const records: UserRecord[] = [
    { partitionKey: 'match-1', hashKey: String(2n ** 127n), data: Buffer.from('{"event_id":"r-0-0"}') },
    { partitionKey: 'match-2', data: Buffer.alloc(0) },
    { partitionKey: 'match-1', hashKey: String(2n ** 127n), data: Buffer.from(Array.from({ length: 256 }, (_, i) => i)) },
    { partitionKey: 'schütze-🎯', hashKey: '0', data: Buffer.from('café') },
  ];
  const THEIRS =
    '84mawgoHbWF0Y2gtMQoHbWF0Y2gtMgoNc2Now7x0emUt8J+OrxInMTcwMTQxMTgzNDYwNDY5MjMxNzMxNjg3MzAzNzE1ODg0MTA1NzI4EgEwGhoIABAAGhR7ImV2ZW50X2lkIjoici0wLTAifRoECAEaABqHAggAEAAagAIAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl9gYWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoOEhYaHiImKi4yNjo+QkZKTlJWWl5iZmpucnZ6foKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr/AwcLDxMXGx8jJysvMzc7P0NHS09TV1tfY2drb3N3e3+Dh4uPk5ebn6Onq6+zt7u/w8fLz9PX29/j5+vv8/f7/GgsIAhABGgVjYWbDqRa5KRgQ0lEX5xxUFNG3QAE=';
  const OURS =
    '84mawgoHbWF0Y2gtMRInMTcwMTQxMTgzNDYwNDY5MjMxNzMxNjg3MzAzNzE1ODg0MTA1NzI4GhoIABAAGhR7ImV2ZW50X2lkIjoici0wLTAifQoHbWF0Y2gtMhoECAEaABqHAggAEAAagAIAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl9gYWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoOEhYaHiImKi4yNjo+QkZKTlJWWl5iZmpucnZ6foKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr/AwcLDxMXGx8jJysvMzc7P0NHS09TV1tfY2drb3N3e3+Dh4uPk5ebn6Onq6+zt7u/w8fLz9PX29/j5+vv8/f7/Cg1zY2jDvHR6ZS3wn46vEgEwGgsIAhABGgVjYWbDqQ4WnyiKnYnH7EDeDgPOmY0=';

  it('make aggregates that we read, and read ours', () => {
    expect(opened(Buffer.from(THEIRS, 'base64')).map(plain)).toEqual(records.map(plain));
    expect(opened(Buffer.from(OURS, 'base64')).map(plain)).toEqual(records.map(plain));
    expect(packed(records, 1 << 20).full[0]!.toString('base64')).toBe(OURS);
  });
});
