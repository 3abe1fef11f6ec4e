/**
 * One-dimensional arrays in PostgreSQL's binary format, for parameters: neither side has to format or parse numbers, which
 * costs more than what is done with them. See array_send and the send functions of the types in PostgreSQL's source.
 */

const OID = { bool: 16, int2: 21, text: 25, float8: 701, timestamptz: 1184 } as const;
const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
const NULL_LENGTH = -1;
/** PostgreSQL counts from 2000-01-01. */
const EPOCH_US = 946_684_800_000_000;
const TWO_TO_32 = 2 ** 32;

export function encodeBoolArray(values: readonly (boolean | null)[]): Buffer {
  return encodeFixed(OID.bool, 1, values, (buffer, value, at) => buffer.writeUInt8(value ? 1 : 0, at));
}

export function encodeInt2Array(values: readonly number[]): Buffer {
  return encodeFixed(OID.int2, 2, values, (buffer, value, at) => buffer.writeInt16BE(value, at));
}

export function encodeFloat8Array(values: readonly (number | null)[]): Buffer {
  return encodeFixed(OID.float8, 8, values, (buffer, value, at) => buffer.writeDoubleBE(value, at));
}

/** @param values Unix microseconds, safe integers */
export function encodeTimestamptzArray(values: readonly number[]): Buffer {
  return encodeFixed(OID.timestamptz, 8, values, (buffer, value, at) => {
    const us = value - EPOCH_US;
    const high = Math.floor(us / TWO_TO_32);
    buffer.writeInt32BE(high, at);
    buffer.writeUInt32BE(us - high * TWO_TO_32, at + 4);
  });
}

/** A text that is the same as the one before it, as in a column that is sorted, costs next to nothing. */
export function encodeTextArray(values: readonly (string | null)[]): Buffer {
  let bytes = HEADER_BYTES;
  let before: string | null = null;
  let length = 0;
  for (const value of values) {
    if (value !== null && value !== before) length = Buffer.byteLength(value);
    if (value !== null) before = value;
    bytes += LENGTH_BYTES + (value === null ? 0 : length);
  }
  const buffer = withHeader(OID.text, values, bytes);
  let at = HEADER_BYTES;
  let beforeAt = 0;
  before = null;
  for (const value of values) {
    if (value === null) {
      at = buffer.writeInt32BE(NULL_LENGTH, at);
      continue;
    }
    if (value === before) buffer.copyWithin(at + LENGTH_BYTES, beforeAt, beforeAt + length);
    else length = buffer.write(value, at + LENGTH_BYTES);
    buffer.writeInt32BE(length, at);
    beforeAt = at + LENGTH_BYTES;
    at = beforeAt + length;
    before = value;
  }
  return values.length === 0 ? buffer.subarray(0, EMPTY_BYTES) : buffer;
}

/** An array without elements has no dimension. */
const EMPTY_BYTES = 12;

function encodeFixed<T>(
  oid: number,
  width: number,
  values: readonly (T | null)[],
  write: (buffer: Buffer, value: T, at: number) => void,
): Buffer {
  let bytes = HEADER_BYTES;
  for (const value of values) bytes += LENGTH_BYTES + (value === null ? 0 : width);
  const buffer = withHeader(oid, values, bytes);
  let at = HEADER_BYTES;
  for (const value of values) {
    if (value === null) {
      at = buffer.writeInt32BE(NULL_LENGTH, at);
      continue;
    }
    at = buffer.writeInt32BE(width, at);
    write(buffer, value, at);
    at += width;
  }
  return values.length === 0 ? buffer.subarray(0, EMPTY_BYTES) : buffer;
}

/** Dimensions, whether there are nulls, type of the elements, how many, and the index of the first. */
function withHeader(oid: number, values: readonly unknown[], bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  let at = buffer.writeInt32BE(values.length === 0 ? 0 : 1, 0);
  at = buffer.writeInt32BE(values.includes(null) ? 1 : 0, at);
  at = buffer.writeInt32BE(oid, at);
  at = buffer.writeInt32BE(values.length, at);
  buffer.writeInt32BE(1, at);
  return buffer;
}
