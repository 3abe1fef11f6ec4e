import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import { importJWK, compactVerify } from 'jose';
import { parseCoseEnvelope } from '../../../contracts/cose-envelope.ts';
import type { EnvelopeClaim } from '../../../contracts/envelope-claim.ts';
import { parseHttpEnvelope } from '../../../contracts/http-signature.ts';
import { parseJwsEnvelope } from '../../../contracts/jws-envelope.ts';
import { parseSenmlCbor } from '../../../contracts/senml-cbor.ts';
import { createSigner } from '../../../firmware-sim/envelope/create-signer.ts';
import { ENCODINGS, type Encoding } from '../../../firmware-sim/envelope/encoding.ts';
import { encodeSenml, senmlRecordsOf } from '../../../firmware-sim/envelope/encode-senml.ts';
import type { Envelope } from '../../../firmware-sim/envelope/envelope.ts';
import type { FleetDevice } from '../../../firmware-sim/fleet/fleet-device.ts';
import { coseVector, envelopeVector } from '../../support/vectors.ts';
import { device, packAt } from './device-fixture.ts';

const CREATED_S = 1_734_567_891;
const pack = packAt(CREATED_S * 1e6);

function claimOf(encoding: Encoding, { headers, content }: Envelope): EnvelopeClaim {
  const field = (name: string) => headers[name] ?? '';
  const parsed = {
    'http-signature': () =>
      parseHttpEnvelope(
        {
          signatureInput: field('Signature-Input'),
          signature: field('Signature'),
          contentDigest: field('Content-Digest'),
          contentType: field('Content-Type'),
        },
        'application/senml+json',
        content,
      ),
    jws: () => parseJwsEnvelope(content),
    cose: () => parseCoseEnvelope(content),
  }[encoding]();
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
}

for (const encoding of ENCODINGS) {
  test(`an envelope by ${encoding} is read by the platform as it was signed, and its signature proves it`, () => {
    const envelope = createSigner(encoding, device).sign(pack, CREATED_S, 77);
    const claim = claimOf(encoding, envelope);
    assert.deepEqual(
      [claim.keyName.deviceId, claim.keyName.keyId, claim.createdS, claim.nonce],
      [device.id, device.key.id, CREATED_S, 77],
    );
    const { kty, crv, x, y } = device.key.private_key;
    const key = createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' });
    assert.ok(verify('sha256', claim.signed, { key, dsaEncoding: 'ieee-p1363' }, claim.signature));
    assert.equal(envelope.headers['X-API-Key'], device.api_key);
    assert.equal(envelope.headers['Content-Length'], String(envelope.content.length));
    const records =
      claim.mediaType === 'application/senml+cbor'
        ? parseSenmlCbor(claim.content)?.json
        : (JSON.parse(Buffer.from(claim.content).toString()) as unknown);
    assert.deepEqual(records, senmlRecordsOf(pack));
  });
}

test('another implementation of JWS verifies what a device signs', async () => {
  const { content } = createSigner('jws', device).sign(pack, CREATED_S, 78);
  const { kty, crv, x, y } = device.key.private_key;
  const verified = await compactVerify(content, await importJWK({ kty, crv, x, y }, 'ES256'));
  assert.deepEqual(Buffer.from(verified.payload), encodeSenml(pack));
});

test('with the key and the header of the vectors a device makes the bytes of the vectors, but for the random signature', () => {
  const jws = parseJwsEnvelope(Buffer.from(envelopeVector.jws.compact));
  const cose = parseCoseEnvelope(Buffer.from(coseVector.envelopeHex, 'hex'));
  assert.ok(jws.ok && cose.ok);
  const { x, y } = envelopeVector.publicKeyJwk;
  const d = Buffer.from(envelopeVector.privateScalarHex, 'hex').toString('base64url');
  for (const [encoding, expected] of [
    ['jws', jws.value],
    ['cose', cose.value],
  ] as const) {
    const { keyName, content, createdS, nonce } = expected;
    const signing: FleetDevice = {
      ...device,
      id: keyName.deviceId,
      key: { id: keyName.keyId, private_key: { kty: 'EC', crv: 'P-256', x, y, d } },
    };
    const claim = claimOf(encoding, createSigner(encoding, signing).signContent(content, createdS, nonce));
    assert.deepEqual(Buffer.from(claim.signed), Buffer.from(expected.signed));
  }
});
