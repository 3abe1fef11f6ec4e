import { encode, type DecodeOptions } from 'cborg';
import { z } from 'zod';
import { parseCbor } from './cbor.ts';

/** Integer labels of SenML in CBOR (RFC 8428 section 6, table 4). */
const LABELS: ReadonlyMap<number, string> = new Map([
  [-1, 'bver'],
  [-2, 'bn'],
  [-3, 'bt'],
  [-4, 'bu'],
  [-5, 'bv'],
  [-6, 'bs'],
  [0, 'n'],
  [1, 'u'],
  [2, 'v'],
  [3, 'vs'],
  [4, 'vb'],
  [5, 's'],
  [6, 't'],
  [7, 'ut'],
  [8, 'vd'],
]);
const INTEGER_LABELS: ReadonlyMap<string, number> = new Map([...LABELS].map(([label, name]) => [name, label]));

const DECIMAL_FRACTION_TAG = 4;
const decimalFractionSchema = z.tuple([z.int().min(-400).max(400), z.int()]);

/** A decimal fraction (RFC 8949 section 3.4.4) as the nearest number: 27315 and -2 are 273.15. */
const DECIMAL_FRACTION: NonNullable<DecodeOptions['tags']> = {
  [DECIMAL_FRACTION_TAG]: (decodeContent): number => {
    const [exponent, mantissa] = decimalFractionSchema.parse(decodeContent());
    return Number(`${mantissa}e${exponent}`);
  },
};

/**
 * A pack in CBOR as the same pack in JSON would be: records with the names of their members. Undefined when the bytes are
 * not CBOR that everybody reads alike, or name a member by its text where its integer is due.
 */
export function parseSenmlCbor(content: Uint8Array): { readonly json: unknown } | undefined {
  const decoded = parseCbor(content, { floats: true, loose: true, tags: DECIMAL_FRACTION });
  if (decoded === undefined) return undefined;
  if (!Array.isArray(decoded.value)) return { json: plain(decoded.value) };
  const records: unknown[] = [];
  for (const item of decoded.value) {
    const record: unknown = item instanceof Map ? recordOf(item) : plain(item);
    if (record === undefined) return undefined;
    records.push(record);
  }
  return { json: records };
}

/** Integer labels that SenML does not define are ignored, like text labels that it does not define. */
function recordOf(map: ReadonlyMap<unknown, unknown>): Record<string, unknown> | undefined {
  const members: [string, unknown][] = [];
  for (const [label, value] of map) {
    if (typeof label === 'number') {
      const name = LABELS.get(label);
      if (name !== undefined) members.push([name, value]);
    } else if (typeof label !== 'string' || INTEGER_LABELS.has(label)) {
      return undefined;
    } else {
      members.push([label, value]);
    }
  }
  return Object.fromEntries(members);
}

/** What is no record stays wrong for the schema to say so; a Map would look like an object to it. */
function plain(value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value;
}

/** The device's side: a pack of SenML records with their JSON member names. */
export function encodeSenmlCbor(records: readonly Readonly<Record<string, unknown>>[]): Uint8Array {
  return encode(
    records.map(
      (record) => new Map(Object.entries(record).map(([name, value]) => [INTEGER_LABELS.get(name) ?? name, value])),
    ),
  );
}
