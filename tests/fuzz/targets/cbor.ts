import assert from 'node:assert/strict';
import { Tagged } from 'cborg';
import fc from 'fast-check';
import { parseCbor } from '../../../contracts/cbor.ts';
import { coseVector } from '../../support/vectors.ts';
import { cborItems, deepCbor } from '../arbitraries/cbor-bytes.ts';
import { mutated } from '../arbitraries/mutated.ts';
import { rarely } from '../arbitraries/rarely.ts';
import { createTarget } from '../fuzz-target.ts';
import { readReferenceCbor } from '../oracles/reference-cbor.ts';

const CORPUS = [coseVector.envelopeHex, coseVector.protectedHex, coseVector.contentHex, '9fbf00616e0201ffff'].map(
  (hex) => Buffer.from(hex, 'hex'),
);
const messages = rarely<Uint8Array>(
  fc.oneof(
    { weight: 3, arbitrary: cborItems },
    { weight: 2, arbitrary: mutated(CORPUS) },
    fc.uint8Array({ maxLength: 24 }),
  ),
  deepCbor,
);
/** As envelopes and packs are read. */
const PROFILES = [
  { floats: false, loose: false },
  { floats: true, loose: true },
] as const;
/** Deeper nesting ends at the stack, which is not the same for both. */
const MAX_COMPARED_BYTES = 500;

export const cbor = createTarget('cbor', messages, (bytes) => {
  for (const profile of PROFILES) {
    const parsed = parseCbor(bytes, { ...profile, tags: Tagged.preserve(18) });
    if (bytes.length > MAX_COMPARED_BYTES) continue;
    const expected = readReferenceCbor(bytes, { ...profile, tags: [18] });
    assert.deepEqual(parsed === undefined ? undefined : { value: plain(parsed.value) }, expected);
  }
});

function plain(value: unknown): unknown {
  if (value instanceof Tagged) return { tag: value.tag, value: plain(value.value) };
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [key, plain(each)]));
  return value instanceof Uint8Array ? new Uint8Array(value) : value;
}
