import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { enrolmentRequestSchema, keyRequestSchema } from '../../../contracts/enrolment.ts';
import { enrolmentChallenge, keyChallenge } from '../../../contracts/possession.ts';
import { createEnrolmentToken, parseEnrolmentToken } from '../../../core/identity/enrolment-token.ts';
import { parseDeviceId, parseDeviceKeyId, type DeviceId, type DeviceKeyId } from '../../../core/identity/ids.ts';
import { createVerifier } from '../../../platform/crypto/create-verifier.ts';
import { possessionVector } from '../../support/vectors.ts';

function deviceIdOf(text: string): DeviceId {
  const id = parseDeviceId(text);
  assert.ok(id);
  return id;
}

function keyIdOf(text: string): DeviceKeyId {
  const id = parseDeviceKeyId(text);
  assert.ok(id);
  return id;
}

describe('the vector of docs/protocol.md:', () => {
  for (const name of ['node', 'noble'] as const) {
    const verifier = createVerifier(name, 1);

    test(`an enrolment has its challenge and its signature, by ${name}`, () => {
      const { token, tokenHash, challenge, body } = possessionVector.enrolment;
      const request = enrolmentRequestSchema.parse(JSON.parse(body));
      assert.equal(request.token, token);
      assert.equal(createHash('sha256').update(token).digest('base64url'), tokenHash);
      const text = enrolmentChallenge({
        tokenHash,
        deviceId: request.device_id,
        keyId: request.key_id,
        publicKey: request.public_key,
        createdS: request.created,
      });
      assert.equal(text, challenge);
      const signature = Buffer.from(request.signature, 'base64url');
      assert.equal(verifier.verify(request.public_key, Buffer.from(text), signature), true);
    });

    test(`a new key has its challenge and its signature, by ${name}`, () => {
      const { challenge, body, created, nonce } = possessionVector.key;
      const request = keyRequestSchema.parse(JSON.parse(body));
      const text = keyChallenge({
        deviceId: deviceIdOf('dev-101'),
        keyId: request.key_id,
        publicKey: request.public_key,
        notBeforeS: request.not_before,
        notAfterS: request.not_after,
        createdS: created,
        nonce: Number(nonce),
      });
      assert.equal(text, challenge);
      const signature = Buffer.from(request.signature, 'base64url');
      assert.equal(verifier.verify(request.public_key, Buffer.from(text), signature), true);
    });
  }
});

const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('base64url'));
const enrolments = fc.record({
  tokenHash: hashes,
  deviceId: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9:._-]{0,127}$/).map(deviceIdOf),
  keyId: fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/).map(keyIdOf),
  publicKey: fc.uint8Array({ minLength: 65, maxLength: 65 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
  createdS: fc.nat(),
});
const keys = fc.record({
  deviceId: enrolments.map(({ deviceId }) => deviceId),
  keyId: enrolments.map(({ keyId }) => keyId),
  publicKey: enrolments.map(({ publicKey }) => publicKey),
  notBeforeS: fc.option(fc.nat()),
  notAfterS: fc.option(fc.nat()),
  createdS: fc.nat(),
  nonce: fc.nat(),
});

test('two different enrolments have two different challenges', () => {
  fc.assert(
    fc.property(enrolments, enrolments, (one, other) => {
      const same = JSON.stringify(one) === JSON.stringify(other);
      assert.equal(enrolmentChallenge(one) === enrolmentChallenge(other), same);
      assert.equal(enrolmentChallenge(one).split('\n').length, 8);
    }),
  );
});

test('two different new keys have two different challenges, and none is that of an enrolment', () => {
  fc.assert(
    fc.property(keys, keys, enrolments, (one, other, enrolment) => {
      assert.equal(keyChallenge(one) === keyChallenge(other), JSON.stringify(one) === JSON.stringify(other));
      assert.notEqual(keyChallenge(one), enrolmentChallenge(enrolment));
      assert.equal(keyChallenge(one).split('\n').length, 10);
    }),
  );
});

test('no id can bring a line of its own into a challenge', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (before, after) => {
      const text = `${before}\n${after}`;
      assert.equal(parseDeviceId(text), undefined);
      assert.equal(parseDeviceKeyId(text), undefined);
      assert.equal(parseEnrolmentToken(text), undefined);
    }),
  );
});

test('a token that is made can be read, and no other text is a token', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (secret) => {
      const token = createEnrolmentToken(() => secret);
      assert.equal(parseEnrolmentToken(token), token);
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.equal(parseEnrolmentToken(text) === undefined, !/^te_[A-Za-z0-9_-]{43}$/.test(text));
    }),
  );
});

test('whatever a request holds, reading it is an answer and never an exception', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.equal(enrolmentRequestSchema.safeParse(value).success, false);
      assert.equal(keyRequestSchema.safeParse(value).success, false);
    }),
  );
});
