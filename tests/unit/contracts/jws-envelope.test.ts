import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { CompactSign } from 'jose';
import { formatJwsEnvelope, formatJwsSigningInput, parseJwsEnvelope } from '../../../contracts/jws-envelope.ts';
import { envelopeVector as vectors } from '../../support/vectors.ts';

const header = {
  alg: 'ES256',
  kid: 'dev-1/k1',
  created: 1734567891,
  nonce: '7',
  cty: 'application/senml+json',
  typ: 'telemetry',
};
const PAYLOAD = Buffer.from('[{"n":"a","v":1}]');
const SIGNATURE = Buffer.alloc(64, 1);

const encode = (text: string): string => Buffer.from(text).toString('base64url');
const envelope = (headerText: string, signature: Uint8Array = SIGNATURE): Uint8Array =>
  Buffer.from(`${encode(headerText)}.${PAYLOAD.toString('base64url')}.${Buffer.from(signature).toString('base64url')}`);

function codeOf(message: Uint8Array): string {
  const parsed = parseJwsEnvelope(message);
  return parsed.ok ? 'accepted' : parsed.error.code;
}

test('the JWS of the vector is read, and its signature verifies over what is said to be signed', () => {
  const parsed = parseJwsEnvelope(Buffer.from(vectors.jws.compact));
  assert.ok(parsed.ok);
  const { keyName, createdS, nonce, mediaType, content, signed, signature } = parsed.value;
  assert.deepEqual(
    { ...keyName, createdS, nonce, mediaType, content: Buffer.from(content).toString() },
    {
      deviceId: 'urn:dev:mac:0024befffe804ff1',
      keyId: '1',
      createdS: 1734567891,
      nonce: 1818826260873217,
      mediaType: 'application/senml+json',
      content: vectors.http.body,
    },
  );
  const spki = { key: Buffer.from(vectors.publicKeySpkiBase64, 'base64'), format: 'der', type: 'spki' } as const;
  assert.ok(verify('sha256', signed, { key: createPublicKey(spki), dsaEncoding: 'ieee-p1363' }, signature));
});

test('what another library signs is read', async () => {
  const { x, y } = vectors.publicKeyJwk;
  const d = Buffer.from(vectors.privateScalarHex, 'hex').toString('base64url');
  const key = createPrivateKey({ key: { kty: 'EC', crv: 'P-256', x, y, d }, format: 'jwk' });
  const { alg, ...rest } = header;
  const compact = await new CompactSign(PAYLOAD).setProtectedHeader({ alg, ...rest }).sign(key);
  const parsed = parseJwsEnvelope(Buffer.from(compact));
  assert.ok(parsed.ok);
  assert.deepEqual(Buffer.from(parsed.value.content), PAYLOAD);
});

test('what our own signer writes is read back', () => {
  const given = {
    createdS: 1734567891,
    keyId: 'dev-1/k1',
    nonce: 2 ** 53 - 1,
    mediaType: 'application/senml+cbor',
  } as const;
  const parsed = parseJwsEnvelope(Buffer.from(formatJwsEnvelope(formatJwsSigningInput(given, PAYLOAD), SIGNATURE)));
  assert.ok(parsed.ok);
  assert.equal(parsed.value.nonce, given.nonce);
  assert.equal(parsed.value.mediaType, given.mediaType);
});

test('a header of exactly our six members is accepted in any order and with spaces', () => {
  assert.equal(codeOf(envelope(JSON.stringify(header))), 'accepted');
  assert.equal(
    codeOf(envelope(JSON.stringify(Object.fromEntries(Object.entries(header).reverse()), null, 2))),
    'accepted',
  );
});

for (const [fault, members] of Object.entries({
  'another algorithm': { alg: 'none' },
  'HMAC with the public key': { alg: 'HS256' },
  'a critical extension': { crit: ['b64'] },
  'an unencoded payload': { b64: false },
  'a key of its own': { jwk: vectors.publicKeyJwk },
  'another type': { typ: 'JWT' },
  'another content type': { cty: 'text/plain' },
  'a created that is text': { created: '1734567891' },
  'a created with a fraction': { created: 1.5 },
  'a negative created': { created: -1 },
  'a nonce that is a number': { nonce: 7 },
  'a nonce with a leading zero': { nonce: '07' },
  'a nonce of 2^53': { nonce: '9007199254740992' },
  'a kid without a key id': { kid: 'dev-1' },
  'a kid with two slashes': { kid: 'dev/1/k1' },
})) {
  test(`a header with ${fault} is no envelope of ours`, () => {
    assert.equal(codeOf(envelope(JSON.stringify({ ...header, ...members }))), 'signature-invalid');
  });
}

test('each member of the header is needed', () => {
  for (const name of Object.keys(header)) {
    const without = Object.fromEntries(Object.entries(header).filter(([key]) => key !== name));
    assert.equal(codeOf(envelope(JSON.stringify(without))), 'signature-invalid', name);
  }
});

test('created must be written as an integer, not as a number that equals one', () => {
  for (const created of ['1734567891.0', '1.734567891e9', '1734567891e0']) {
    const text = JSON.stringify(header).replace('1734567891', created);
    assert.equal(codeOf(envelope(text)), 'signature-invalid', created);
  }
  const hidden = JSON.stringify({ ...header, kid: '"created":5,' }).replace('1734567891', '1.0');
  assert.equal(codeOf(envelope(hidden)), 'signature-invalid');
});

test('a member given twice, in plain or escaped form, is malformed', () => {
  assert.equal(codeOf(envelope(JSON.stringify(header).replace('{', '{"nonce":"8",'))), 'malformed-body');
  assert.equal(codeOf(envelope(JSON.stringify(header).replace('{', '{"n\\u006fnce":"8",'))), 'malformed-body');
});

test('a signature in DER is refused', () => {
  assert.equal(codeOf(envelope(JSON.stringify(header), Buffer.alloc(70, 0x30))), 'signature-invalid');
});

test('what is no compact JWS is malformed', () => {
  const good = Buffer.from(envelope(JSON.stringify(header))).toString();
  for (const text of [
    '',
    '.',
    '..',
    'a.b',
    'a.b.c.d',
    `${good}\n`,
    ` ${good}`,
    `${good}=`,
    `${good}é`,
    '{"payload":"x"}',
  ]) {
    assert.equal(codeOf(Buffer.from(text)), 'malformed-body', text);
  }
  assert.equal(codeOf(envelope('[]')), 'signature-invalid');
  assert.equal(codeOf(envelope('{')), 'malformed-body');
  assert.equal(codeOf(envelope(JSON.stringify({ ...header, kid: 'x'.repeat(2000) }))), 'malformed-body');
});

test('base64url with stray bits at the end is another spelling of the same bytes, and refused', () => {
  const [head = '', , signature = ''] = Buffer.from(envelope(JSON.stringify(header)))
    .toString()
    .split('.');
  assert.equal(codeOf(Buffer.from(`${head}.YQ.${signature}`)), 'accepted');
  assert.equal(codeOf(Buffer.from(`${head}.YR.${signature}`)), 'malformed-body');
});

test('any bytes are read or refused, never thrown', () => {
  const part = fc.stringMatching(/^[A-Za-z0-9_-]{0,80}$/);
  const arbitrary = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(part, part, part).map((parts) => Buffer.from(parts.join('.'))),
    fc.tuple(fc.json(), part).map(([json, rest]) => Buffer.from(`${encode(json)}.${rest}.${rest}`)),
  );
  fc.assert(fc.property(arbitrary, (message) => assert.notEqual(codeOf(message), 'accepted')));
});
