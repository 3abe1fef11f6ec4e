import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import { encode, Tagged } from 'cborg';
import fc from 'fast-check';
import {
  coseSigStructure,
  formatCoseEnvelope,
  formatCoseProtected,
  parseCoseEnvelope,
} from '../../../contracts/cose-envelope.ts';
import { coseVector, envelopeVector } from '../../support/vectors.ts';

const SIGNATURE = new Uint8Array(64).fill(1);
const CONTENT = encode([
  new Map<number, unknown>([
    [0, 'a'],
    [2, 1],
  ]),
]);
const header = (): Map<unknown, unknown> =>
  new Map<unknown, unknown>([
    [1, -7],
    [3, 112],
    [4, Buffer.from('dev-1/k1')],
    [15, new Map([[6, 1734567891]])],
    [16, 'telemetry'],
    ['nonce', 7],
  ]);
const withMember = (label: unknown, value: unknown): Uint8Array => encode(header().set(label, value));
const sign1 = (protectedBytes: unknown, parts: Record<number, unknown> = {}, tag = 18): Uint8Array => {
  const items = [protectedBytes, new Map(), CONTENT, SIGNATURE].map((item, index) => parts[index] ?? item);
  return encode(new Tagged(tag, items));
};

function codeOf(message: Uint8Array): string {
  const parsed = parseCoseEnvelope(message);
  return parsed.ok ? 'accepted' : parsed.error.code;
}

const fromHex = (hex: string): Buffer => Buffer.from(hex, 'hex');
const publicKey = createPublicKey({
  key: Buffer.from(envelopeVector.publicKeySpkiBase64, 'base64'),
  format: 'der',
  type: 'spki',
});

for (const [name, hex] of [
  ['the vector', coseVector.envelopeHex],
  ['its malleable twin', coseVector.alsoValidMalleableHex],
] as const) {
  test(`${name} is read, and its signature verifies over what is said to be signed`, () => {
    const parsed = parseCoseEnvelope(fromHex(hex));
    assert.ok(parsed.ok);
    const { keyName, createdS, nonce, mediaType, content, signed, signature } = parsed.value;
    assert.deepEqual(
      { ...keyName, createdS, nonce, mediaType },
      {
        deviceId: 'urn:dev:mac:0024befffe804ff1',
        keyId: '1',
        createdS: 1734567891,
        nonce: 1818826260873217,
        mediaType: 'application/senml+cbor',
      },
    );
    assert.equal(Buffer.from(content).toString('hex'), coseVector.contentHex);
    assert.equal(Buffer.from(signed).toString('hex'), coseVector.sigStructureHex);
    assert.ok(verify('sha256', signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature));
  });
}

test('what our own signer writes is the vector', () => {
  const protectedBytes = formatCoseProtected({
    createdS: 1734567891,
    keyId: 'urn:dev:mac:0024befffe804ff1/1',
    nonce: 1818826260873217,
    mediaType: 'application/senml+cbor',
  });
  const content = fromHex(coseVector.contentHex);
  assert.equal(Buffer.from(coseSigStructure(protectedBytes, content)).toString('hex'), coseVector.sigStructureHex);
  const envelope = formatCoseEnvelope(protectedBytes, content, fromHex(coseVector.signatureHex));
  assert.equal(Buffer.from(envelope).toString('hex'), coseVector.envelopeHex);
});

test('a header of exactly our members is accepted, for both content formats', () => {
  assert.equal(codeOf(sign1(encode(header()))), 'accepted');
  assert.equal(codeOf(sign1(withMember(3, 110))), 'accepted');
});

for (const [fault, label, value] of [
  ['another algorithm', 1, -35],
  ['another content format', 3, 60],
  ['a content type as text', 3, 'application/senml+cbor'],
  ['a kid that is text', 4, 'dev-1/k1'],
  ['a kid without a key id', 4, Buffer.from('dev-1')],
  ['a kid that is not ASCII', 4, Buffer.from('dév/1')],
  [
    'another claim beside iat',
    15,
    new Map([
      [6, 1734567891],
      [4, 1],
    ]),
  ],
  ['created as a float', 15, new Map([[6, 1.5]])],
  ['a negative created', 15, new Map([[6, -1]])],
  ['another type', 16, 'JWT'],
  ['a negative nonce', 'nonce', -1],
  ['a nonce that is text', 'nonce', '7'],
  ['a nonce of 2^53', 'nonce', 2n ** 53n],
  ['a critical list', 2, [16]],
  ['a member more', 99, 0],
] as const) {
  test(`a protected header with ${fault} is no envelope of ours`, () => {
    assert.equal(codeOf(sign1(withMember(label, value))), 'signature-invalid');
  });
}

test('created as the float 1734567891.0 is not the integer', () => {
  const integer = Buffer.from(encode(header())).toString('hex');
  const float = integer.replace('061a676367d3', '06fb41d9d8d9f4c00000');
  assert.notEqual(float, integer);
  assert.equal(codeOf(sign1(fromHex(float))), 'signature-invalid');
});

test('each member of the protected header is needed', () => {
  for (const label of header().keys()) {
    const without = header();
    without.delete(label);
    assert.equal(codeOf(sign1(encode(without))), 'signature-invalid', String(label));
  }
});

test('a label given twice is refused', () => {
  const twice = Buffer.concat([Buffer.from([0xa7]), encode(header()).subarray(1), Buffer.from([0x01, 0x26])]);
  assert.equal(codeOf(sign1(twice)), 'signature-invalid');
});

test('anything unprotected, a detached payload and a signature in DER are refused', () => {
  const good = encode(header());
  assert.equal(codeOf(sign1(good, { 1: new Map([[4, Buffer.from('dev-2/k1')]]) })), 'signature-invalid');
  assert.equal(codeOf(encode(new Tagged(18, [good, new Map(), null, SIGNATURE]))), 'signature-invalid');
  assert.equal(codeOf(sign1(good, { 3: new Uint8Array(70) })), 'signature-invalid');
});

test('what is no tagged COSE_Sign1 is malformed', () => {
  const good = encode(header());
  const untagged = encode([good, new Map(), CONTENT, SIGNATURE]);
  const longer = Buffer.concat([sign1(good), Buffer.from([0])]);
  for (const message of [new Uint8Array(), untagged, sign1(good, {}, 98), encode(new Tagged(18, [good])), longer]) {
    assert.equal(codeOf(message), 'malformed-body');
  }
  assert.equal(codeOf(sign1(good).subarray(0, -1)), 'malformed-body');
  assert.equal(codeOf(new Uint8Array(200_000).fill(0x81)), 'malformed-body');
});

test('any bytes, and any damage to an envelope, are read or refused, never thrown', () => {
  const good = sign1(encode(header()));
  const damaged = fc
    .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    .map((changes) => {
      const bytes = Uint8Array.from(good);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), (message) => {
      const parsed = parseCoseEnvelope(message);
      if (parsed.ok) assert.equal(parsed.value.signature.length, 64);
    }),
  );
});
