import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openFrontDoors, type Answer, type FrontDoors } from '../../support/front-doors.ts';
import {
  CONTENT,
  ENVELOPE_KINDS,
  partsOf,
  type EnvelopeKind,
  type EnvelopeParts,
  type Sealed,
} from '../../support/sealed-envelopes.ts';
import { SignedDevice } from '../../support/signed-device.ts';

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const PAST = new Date(Date.now() - 60_000);
const FUTURE = new Date(Date.now() + 3_600_000);
const OVERSIZE = Buffer.from(`[{"n":"pga","vs":"${'x'.repeat(262_144)}"}]`);

let doors: FrontDoors;
before(async () => {
  doors = await openFrontDoors();
});
after(() => doors[Symbol.asyncDispose]());

/** A way in: how a device's envelope gets to the front door, and its answer back. */
interface Way {
  readonly name: string;
  readonly kind: EnvelopeKind;
  readonly send: (device: SignedDevice, sealed: Sealed) => Promise<Answer>;
}

const ways: readonly Way[] = ENVELOPE_KINDS.flatMap((kind): Way[] => {
  const byHttp = {
    name: `${kind.name} over HTTP`,
    kind,
    send: (device: SignedDevice, sealed: Sealed) => doors.sendByHttp(device.apiKey.text, sealed),
  };
  if (kind.name === 'http-signature') return [byHttp];
  const byMqtt = {
    name: `${kind.name} over MQTT`,
    kind,
    send: (device: SignedDevice, sealed: Sealed) => doors.sendByMqtt(device.id, sealed),
  };
  return [byHttp, byMqtt];
});

const bytesOf = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
const half = (signature: Buffer, index: 0 | 1): Buffer => signature.subarray(32 * index, 32 * index + 32);
const twin = (signature: Buffer): Buffer =>
  Buffer.concat([half(signature, 0), bytesOf(P256_ORDER - BigInt(`0x${half(signature, 1).toString('hex')}`))]);

/** DER (SEC 1 appendix C.8), which most libraries give. */
function der(signature: Buffer): Buffer {
  const integers = [half(signature, 0), half(signature, 1)].map((part) => {
    let start = 0;
    while (start < 31 && part[start] === 0) start += 1;
    const bytes = Buffer.concat([Buffer.alloc((part[start] ?? 0) >= 0x80 ? 1 : 0), part.subarray(start)]);
    return Buffer.concat([Buffer.of(2, bytes.length), bytes]);
  });
  const body = Buffer.concat(integers);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

const SIGNATURES: Readonly<Record<string, (signature: Buffer) => Buffer>> = {
  'another signature': (signature) => {
    signature[40] = (signature[40] ?? 0) ^ 1;
    return signature;
  },
  'r = 0': (signature) => Buffer.concat([Buffer.alloc(32), half(signature, 1)]),
  's = 0': (signature) => Buffer.concat([half(signature, 0), Buffer.alloc(32)]),
  'r = n': (signature) => Buffer.concat([bytesOf(P256_ORDER), half(signature, 1)]),
  's = n': (signature) => Buffer.concat([half(signature, 0), bytesOf(P256_ORDER)]),
  'r and s all ones': () => Buffer.alloc(64, 0xff),
  'DER where raw is due': der,
  '63 bytes': (signature) => signature.subarray(0, 63),
  '65 bytes': (signature) => Buffer.concat([signature, Buffer.alloc(1)]),
};

interface Blemish {
  readonly code: string;
  readonly status: number;
  /** Applied to parts, to the sealed envelope, or to what the registry says of the device. */
  readonly parts?: (parts: EnvelopeParts, way: Way) => Partial<EnvelopeParts>;
  readonly seal?: (sealed: Sealed, way: Way) => Sealed;
  readonly registry?: (device: SignedDevice) => Promise<void>;
}

const nowS = () => Math.floor(Date.now() / 1000);

/** In the order of their precedence. Any two of them in one envelope get the first one's code. */
const BLEMISHES: Readonly<Record<string, Blemish>> = {
  'a disabled device': {
    code: 'device-disabled',
    status: 403,
    registry: (device) => doors.registry.disable(device),
  },
  'a revoked key': {
    code: 'key-revoked',
    status: 403,
    registry: (device) => doors.registry.setKeyTime(device, 'device_keys', 'revoked_at', PAST),
  },
  'a clock that is behind': {
    code: 'timestamp-skew',
    status: 403,
    parts: (_, { kind }) => ({ createdS: nowS() - kind.maxAgeS - 5 }),
  },
  'a wrong signature': {
    code: 'signature-invalid',
    status: 401,
    seal: (sealed, { kind }) => kind.resign(sealed, () => Buffer.alloc(64, 1)),
  },
  'content that is not JSON': { code: 'malformed-body', status: 400, parts: () => ({ content: Buffer.from('[{') }) },
};

async function judge(way: Way, names: readonly string[]): Promise<Answer> {
  const device = await doors.addDevice();
  const blemishes = names.map((name) => BLEMISHES[name]!);
  for (const { registry } of blemishes) await registry?.(device);
  let parts = partsOf(device);
  for (const blemish of blemishes) parts = { ...parts, ...blemish.parts?.(parts, way) };
  let sealed = way.kind.seal(parts);
  for (const blemish of blemishes) sealed = blemish.seal?.(sealed, way) ?? sealed;
  return await way.send(device, sealed);
}

for (const way of ways) {
  const { kind } = way;
  describe(way.name, () => {
    test('a good envelope is accepted, its bytes again and its malleable twin are a replay', async () => {
      const device = await doors.addDevice();
      const parts = partsOf(device);
      const sealed = kind.seal(parts);
      const accepted = await way.send(device, sealed);
      assert.equal(accepted.status, 202, JSON.stringify(accepted));
      assert.equal(accepted.accepted, 1);
      for (const again of [sealed, kind.resign(sealed, twin), kind.seal(parts)]) {
        assert.equal((await way.send(device, again)).code, 'replay-detected');
      }
    });

    test('an envelope whose malleable twin comes first is accepted once, too', async () => {
      const device = await doors.addDevice();
      const sealed = kind.seal(partsOf(device));
      assert.equal((await way.send(device, kind.resign(sealed, twin))).status, 202);
      assert.equal((await way.send(device, sealed)).code, 'replay-detected');
    });

    for (const [name, change] of Object.entries(SIGNATURES)) {
      test(`${name} is refused, and the envelope is accepted afterwards`, async () => {
        const device = await doors.addDevice();
        const sealed = kind.seal(partsOf(device));
        const answer = await way.send(device, kind.resign(sealed, change));
        assert.deepEqual([answer.status, answer.code], [401, 'signature-invalid'], JSON.stringify(answer));
        assert.equal((await way.send(device, sealed)).status, 202);
      });
    }

    for (const [name, [code, seal]] of Object.entries(kind.breaches)) {
      test(`${name}: ${code}`, async () => {
        const device = await doors.addDevice();
        const answer = await way.send(device, seal(partsOf(device)));
        assert.equal(answer.code, code, JSON.stringify(answer));
      });
    }

    test('a device cannot send in the name of another', async () => {
      const [device, other] = [await doors.addDevice(), await doors.addDevice()];
      const ofOther = kind.seal(partsOf(device, { keyId: `${other.id}/1`, key: other.key() }));
      assert.equal((await way.send(device, ofOther)).code, 'signature-invalid');
      const withOwnKey = kind.seal(partsOf(device, { keyId: `${other.id}/1` }));
      assert.equal((await way.send(device, withOwnKey)).code, 'signature-invalid');
      const inOwnName = kind.seal(partsOf(device, { key: other.key() }));
      assert.equal((await way.send(device, inOwnName)).code, 'signature-invalid');
      const noKey = kind.seal(partsOf(device, { keyId: `${device.id}/9` }));
      assert.equal((await way.send(device, noKey)).code, 'signature-invalid');
    });

    test('a device that nobody knows is unauthorized', async () => {
      const stranger = new SignedDevice('door-stranger');
      const answer = await way.send(stranger, kind.seal(partsOf(stranger)));
      assert.deepEqual([answer.status, answer.code], [401, 'unauthorized']);
    });

    test('content above the limit is too large', async () => {
      const device = await doors.addDevice();
      const answer = await way.send(device, kind.seal(partsOf(device, { content: OVERSIZE })));
      assert.deepEqual([answer.status, answer.code], [413, 'payload-too-large']);
    });

    test('a clock is accepted up to its border on either side, and not beyond', async () => {
      const device = await doors.addDevice();
      const ages = [kind.maxAgeS - 3, kind.maxAgeS + 3, -25, -35];
      const codes = [];
      for (const age of ages)
        codes.push((await way.send(device, kind.seal(partsOf(device, { createdS: nowS() - age })))).code);
      assert.deepEqual(codes, [undefined, 'timestamp-skew', undefined, 'timestamp-skew']);
    });

    test('a key that is not yet valid, and one that has expired', async () => {
      const device = await doors.addDevice();
      await doors.registry.setKeyTime(device, 'device_keys', 'not_before', FUTURE);
      assert.equal((await way.send(device, kind.seal(partsOf(device)))).code, 'key-not-yet-valid');
      const expired = await doors.addDevice();
      await doors.registry.setKeyTime(expired, 'device_keys', 'not_after', PAST);
      assert.equal((await way.send(expired, kind.seal(partsOf(expired)))).code, 'key-expired');
    });

    test('a pack that is no good pack is refused whole, and its nonce is not used up', async () => {
      const device = await doors.addDevice();
      const nonce = device.nextNonce();
      const content = Buffer.from('[{"n":"pga","u":"m/s2","v":0.42},{"n":"pga","v":"x","t":-1}]');
      const answer = await way.send(device, kind.seal(partsOf(device, { nonce, content })));
      assert.deepEqual([answer.status, answer.code], [422, 'schema-invalid']);
      assert.equal((await way.send(device, kind.seal(partsOf(device, { nonce, content: CONTENT })))).status, 202);
    });

    test('a nonce below the window is too old', async () => {
      const device = await doors.addDevice();
      const nonce = device.nextNonce();
      assert.equal((await way.send(device, kind.seal(partsOf(device, { nonce: nonce + 3000 })))).status, 202);
      const answer = await way.send(device, kind.seal(partsOf(device, { nonce })));
      assert.deepEqual([answer.status, answer.code], [409, 'nonce-too-old']);
    });

    const names = Object.keys(BLEMISHES);
    for (const [index, name] of names.entries()) {
      test(`${name}: ${BLEMISHES[name]!.code}, whatever else is wrong further down`, async () => {
        const { code, status } = BLEMISHES[name]!;
        for (const also of [undefined, ...names.slice(index + 1)]) {
          const answer = await judge(way, also === undefined ? [name] : [name, also]);
          assert.deepEqual(
            [answer.status, answer.code],
            [status, code],
            `${name} and ${also}: ${JSON.stringify(answer)}`,
          );
        }
      });
    }
  });
}
