/** A sequence number: 56 digits like AWS's, rising within a shard; it carries the record's byte offset in the shard's log. */
export const sequenceNumber = (shard: string, offset: number): string => `49${shard.slice(-6)}${String(offset).padStart(48, '0')}`;

/** The byte offset that a sequence number carries, or undefined if it is not one of ours. */
export const offsetOf = (sequence: string): number | undefined => (/^49\d{54}$/.test(sequence) ? Number(sequence.slice(8)) : undefined);
