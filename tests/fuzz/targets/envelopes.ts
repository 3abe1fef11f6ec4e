import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeProtectedHeader } from 'jose';
import {
  coseSigStructure,
  formatCoseEnvelope,
  formatCoseProtected,
  parseCoseEnvelope,
} from '../../../contracts/cose-envelope.ts';
import { SIGNATURE_BYTES, type EnvelopeClaim, type EnvelopeRefusal } from '../../../contracts/envelope-claim.ts';
import { formatJwsEnvelope, formatJwsSigningInput, parseJwsEnvelope } from '../../../contracts/jws-envelope.ts';
import type { Result } from '../../../core/result.ts';
import { coseVector, envelopeVector } from '../../support/vectors.ts';
import { cborHead, cborItems, deepCbor } from '../arbitraries/cbor-bytes.ts';
import { jsonObjects } from '../arbitraries/json-text.ts';
import { mutated, mutatedText } from '../arbitraries/mutated.ts';
import { rarely } from '../arbitraries/rarely.ts';
import { createTarget } from '../fuzz-target.ts';
import { readReferenceCbor } from '../oracles/reference-cbor.ts';

function assertClosed(parsed: Result<EnvelopeClaim, EnvelopeRefusal>): void {
  if (parsed.ok) {
    assert.equal(parsed.value.signature.length, SIGNATURE_BYTES);
    assert.ok(Number.isSafeInteger(parsed.value.createdS) && parsed.value.createdS >= 0);
    return;
  }
  assert.ok(['malformed-body', 'signature-invalid'].includes(parsed.error.code), parsed.error.code);
  const { createdS } = parsed.error.origin ?? {};
  assert.ok(createdS === undefined || Number.isSafeInteger(createdS));
}

function headerOf({ createdS, keyName, nonce, mediaType }: EnvelopeClaim) {
  return { createdS, keyId: `${keyName.deviceId}/${keyName.keyId}`, nonce, mediaType };
}

function partsOf(claim: EnvelopeClaim) {
  const { content, signature } = claim;
  return { ...headerOf(claim), content: Buffer.from(content), signature: Buffer.from(signature) };
}

const signatures = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ minLength: 64, maxLength: 64 }) },
  fc.uint8Array({ maxLength: 72 }),
);
const contents = fc.uint8Array({ maxLength: 24 });

const { compact } = envelopeVector.jws;
const jwsHeader = Buffer.from(compact.split('.')[0] ?? '', 'base64url').toString();
const MEMBERS = [
  ...[
    '"ES256"',
    '"none"',
    '"dev-1/k1"',
    '"dev-1"',
    '1734567891',
    '1.0',
    '1e9',
    '-1',
    '"7"',
    '"07"',
    '"9007199254740992"',
  ],
  ...['"application/senml+json"', '"application/senml+cbor"', '"telemetry"', '"\\u0074elemetry"', '["b64"]', 'null'],
];
const jwsHeaders = fc.oneof(
  {
    weight: 2,
    arbitrary: mutatedText(
      [jwsHeader],
      ['"', ',', ':', '}', '"crit":["b64"],', '"b64":false,', '1.0', '\\u0061', '\u00ff', '[['],
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .shuffledSubarray(jwsHeader.slice(1, -1).split(','), { minLength: 5 })
      .map((list) => `{${list.join(' , ')}}`),
  },
  jsonObjects(['alg', 'kid', 'created', 'nonce', 'cty', 'typ', 'crit'], MEMBERS),
);
const composedJws = fc
  .tuple(jwsHeaders, contents, signatures)
  .map((parts) =>
    Buffer.from(parts.map((part) => Buffer.from(part as string, 'latin1').toString('base64url')).join('.')),
  );
const jwsMessages = rarely<Uint8Array>(
  fc.oneof(
    {
      weight: 2,
      arbitrary: mutated(
        [Buffer.from(compact)],
        ['.', '..', '=', '-', '+', '\n', 'A', '\u00ff'].map((text) => Buffer.from(text)),
      ),
    },
    { weight: 3, arbitrary: composedJws },
    fc.uint8Array({ maxLength: 40 }),
  ),
  fc.integer({ min: 1, max: 262_144 }).map((length) => Buffer.from(`${'A'.repeat(length)}.AA.AA`)),
);

export const jws = createTarget('jws', jwsMessages, (message) => {
  const parsed = parseJwsEnvelope(message);
  assertClosed(parsed);
  if (!parsed.ok) return;
  const claim = parsed.value;
  const { keyId, createdS, nonce, mediaType } = headerOf(claim);
  const text = Buffer.from(message).toString('latin1');
  assert.equal(
    formatJwsEnvelope(Buffer.from(claim.signed).toString('latin1'), claim.signature),
    text,
    'not what was signed',
  );
  assert.deepEqual(
    { ...decodeProtectedHeader(text) },
    { alg: 'ES256', kid: keyId, created: createdS, nonce: String(nonce), cty: mediaType, typ: 'telemetry' },
  );
  const again = parseJwsEnvelope(
    Buffer.from(formatJwsEnvelope(formatJwsSigningInput(headerOf(claim), claim.content), claim.signature)),
  );
  assert.ok(again.ok, 'what was read is not read again');
  assert.deepEqual(partsOf(again.value), partsOf(claim));
});

const bytesOf = (hex: string): Buffer => Buffer.from(hex, 'hex');
const byteString = (content: Uint8Array): Buffer => Buffer.concat([cborHead(2, content.length), content]);
const COSE_PIECES = [
  'a0',
  'a7',
  'a10106',
  '02',
  '0126',
  '0138',
  'f93c00',
  '1b0020000000000000',
  'ff',
  '40',
  'd2',
  'd862',
  'f6',
  '6474797065',
].map(bytesOf);
const protectedBytes = fc.oneof(
  { weight: 3, arbitrary: fc.constant(bytesOf(coseVector.protectedHex)) },
  { weight: 3, arbitrary: mutated([bytesOf(coseVector.protectedHex)], COSE_PIECES) },
  cborItems,
);
const composedCose = fc
  .tuple(
    fc.constantFrom('d284', 'd284', 'd284', '84', 'd86284', 'd283', 'd81284', 'd29f').map(bytesOf),
    protectedBytes.map(byteString),
    fc.oneof({ weight: 5, arbitrary: fc.constant(Buffer.of(0xa0)) }, cborItems),
    fc.oneof({ weight: 5, arbitrary: contents.map(byteString) }, cborItems),
    signatures.map(byteString),
  )
  .map((parts) => Buffer.concat(parts));
const coseMessages = rarely<Uint8Array>(
  fc.oneof(
    { weight: 2, arbitrary: mutated([bytesOf(coseVector.envelopeHex)], COSE_PIECES) },
    { weight: 3, arbitrary: composedCose },
    fc.uint8Array({ maxLength: 40 }),
  ),
  deepCbor,
);

export const cose = createTarget('cose', coseMessages, (message) => {
  const parsed = parseCoseEnvelope(message);
  assertClosed(parsed);
  if (!parsed.ok) return;
  const claim = parsed.value;
  const read = readReferenceCbor(message, { floats: false, loose: false, tags: [18] });
  const { tag, value } = read?.value as {
    tag: number;
    value: [Uint8Array, Map<unknown, unknown>, Uint8Array, Uint8Array];
  };
  const [header, unprotected, content, signature] = value;
  assert.deepEqual([tag, unprotected.size, value.length], [18, 0, 4]);
  assert.deepEqual(Buffer.from(claim.signed), Buffer.from(coseSigStructure(header, content)), 'not what was signed');
  assert.deepEqual(Buffer.from(claim.signature), Buffer.from(signature));
  const { keyId, createdS, nonce, mediaType } = headerOf(claim);
  assert.deepEqual(
    readReferenceCbor(header, { floats: false, loose: false, tags: [] })?.value,
    new Map<unknown, unknown>([
      [1, -7],
      [3, mediaType === 'application/senml+cbor' ? 112 : 110],
      [4, new Uint8Array(Buffer.from(keyId))],
      [15, new Map([[6, createdS]])],
      [16, 'telemetry'],
      ['nonce', nonce],
    ]),
  );
  const again = parseCoseEnvelope(formatCoseEnvelope(formatCoseProtected(headerOf(claim)), content, signature));
  assert.ok(again.ok, 'what was read is not read again');
  assert.deepEqual(partsOf(again.value), partsOf(claim));
});
