import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createVerifier } from '../../../../platform/crypto/create-verifier.ts';
import { parsePublicKey } from '../../../../platform/crypto/p256-key.ts';
import { envelopeVector, rfcVector } from '../../../support/vectors.ts';

const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

function pointOf(spkiBase64: string): string {
  const key = parsePublicKey(Buffer.from(spkiBase64, 'base64'));
  assert.ok(key.ok);
  return Buffer.from(key.value.bytes).toString('base64url');
}

function signatureOf(field: string): Buffer {
  return Buffer.from(/:(.+):/.exec(field)?.[1] ?? '', 'base64');
}

function scalar(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
}

function twinOf(signature: Buffer): Buffer {
  const s = BigInt(`0x${signature.toString('hex', 32)}`);
  return Buffer.concat([signature.subarray(0, 32), scalar(N - s)]);
}

function keyPair(): { privateKey: KeyObject; point: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, point: pointOf(publicKey.export({ type: 'spki', format: 'der' }).toString('base64')) };
}

for (const name of ['node', 'noble'] as const) {
  describe(`the ${name} verifier`, () => {
    const verifier = createVerifier(name, 4);
    const vectorPoint = pointOf(envelopeVector.publicKeySpkiBase64);
    const vectorBase = Buffer.from(envelopeVector.http.signatureBase);
    const vectorSignature = signatureOf(envelopeVector.http.signature);

    test('accepts the official vector of RFC 9421 section B.2.4', () => {
      const point = pointOf(rfcVector.publicKeySpkiBase64);
      const signature = Buffer.from(rfcVector.signature, 'base64');
      assert.equal(verifier.verify(point, Buffer.from(rfcVector.signatureBase), signature), true);
    });

    test('accepts the signature of the envelope vector and its malleable twin', () => {
      const twin = signatureOf(envelopeVector.http.alsoValidMalleable);
      assert.deepEqual(twinOf(vectorSignature), twin);
      assert.equal(verifier.verify(vectorPoint, vectorBase, vectorSignature), true);
      assert.equal(verifier.verify(vectorPoint, vectorBase, twin), true);
    });

    test('accepts high S as well as low S, because devices do not normalise', () => {
      const { privateKey, point } = keyPair();
      const message = Buffer.from('reading');
      const signature = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      assert.equal(verifier.verify(point, message, signature), true);
      assert.equal(verifier.verify(point, message, twinOf(signature)), true);
    });

    test('refuses a signature of another key and a signature of another message', () => {
      const other = keyPair();
      assert.equal(verifier.verify(other.point, vectorBase, vectorSignature), false);
      assert.equal(verifier.verify(vectorPoint, Buffer.from('other'), vectorSignature), false);
    });

    test('refuses r or s of zero, of the group order and above it', () => {
      const r = vectorSignature.subarray(0, 32);
      const s = vectorSignature.subarray(32);
      for (const bad of [0n, N, N + 1n, 2n ** 256n - 1n]) {
        assert.equal(verifier.verify(vectorPoint, vectorBase, Buffer.concat([scalar(bad), s])), false);
        assert.equal(verifier.verify(vectorPoint, vectorBase, Buffer.concat([r, scalar(bad)])), false);
      }
    });

    test('refuses DER, where r and s are due', () => {
      const privateKey = createPrivateKey({
        key: {
          ...envelopeVector.publicKeyJwk,
          d: Buffer.from(envelopeVector.privateScalarHex, 'hex').toString('base64url'),
        },
        format: 'jwk',
      });
      assert.equal(verifier.verify(vectorPoint, vectorBase, sign('sha256', vectorBase, privateKey)), false);
    });

    test('answers false, and does not throw, for any bytes in place of key or signature', () => {
      fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 80 }),
          fc.uint8Array({ minLength: 64, maxLength: 64 }),
          (key, signature) => {
            assert.equal(verifier.verify(Buffer.from(key).toString('base64url'), vectorBase, vectorSignature), false);
            assert.equal(verifier.verify(vectorPoint, vectorBase, signature), false);
            assert.equal(verifier.verify(vectorPoint, vectorBase, key), false);
          },
        ),
        { numRuns: 100 },
      );
    });

    test('goes on verifying when more keys are in use than it keeps', () => {
      const message = Buffer.from('reading');
      const pairs = Array.from({ length: 6 }, keyPair);
      for (const { privateKey, point } of [...pairs, ...pairs]) {
        const signature = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
        assert.equal(verifier.verify(point, message, signature), true);
      }
    });
  });
}

test('both verifiers give the same answer for signatures with one bit changed', () => {
  const node = createVerifier('node', 10);
  const noble = createVerifier('noble', 10);
  const { privateKey, point } = keyPair();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.option(fc.integer({ min: 0, max: 511 })), (message, bit) => {
      const signature = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      if (bit !== null) signature[bit >> 3]! ^= 1 << (bit & 7);
      const answer = node.verify(point, message, signature);
      assert.equal(answer, bit === null);
      assert.equal(noble.verify(point, message, signature), answer);
    }),
    { numRuns: 60 },
  );
});

test('a public key is refused when its point is off the curve, the identity, or of another curve', () => {
  const good = Buffer.from(pointOf(envelopeVector.publicKeySpkiBase64), 'base64url');
  assert.equal(parsePublicKey(good).ok, true);
  const offCurve = Buffer.from(good);
  offCurve[64]! ^= 1;
  assert.equal(parsePublicKey(offCurve).ok, false);
  assert.equal(parsePublicKey(Uint8Array.of(0)).ok, false);
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  assert.equal(parsePublicKey(publicKey.export({ type: 'spki', format: 'der' })).ok, false);
});
