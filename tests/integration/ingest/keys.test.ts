import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { createApiKey } from '../../../core/identity/api-key.ts';
import { TrustStore } from '../../../platform/postgres/trust-store.ts';
import { getRequest, parseAnswer } from '../../support/enrolling.ts';
import { eventually } from '../../support/eventually.ts';
import { openIngestPlatform, type IngestPlatform } from '../../support/ingest-platform.ts';
import { keyRequest } from '../../support/key-requests.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { readDevice } from '../../support/projecting.ts';
import { send, withField, type RawRequest } from '../../support/raw-http.ts';
import { startRegistryWorker } from '../../support/registry-worker.ts';
import { DeviceKey, malleableTwin, type SignedDevice } from '../../support/signed-device.ts';

let platform: IngestPlatform;
let worker: AsyncDisposable;
let trust: TrustStore;

before(async () => {
  platform = await openIngestPlatform();
  worker = startRegistryWorker(platform.stores);
  trust = new TrustStore(platform.stores.database);
});
after(async () => {
  await worker[Symbol.asyncDispose]();
  await platform[Symbol.asyncDispose]();
});

/** Returns when the change is projected, as the admin commands do. */
async function effective(change: Promise<string>): Promise<void> {
  const version = await change;
  await eventually(async () => {
    const projected = (await platform.stores.redis.get(redisKeys.registryVersion)) ?? '0';
    assert.equal(BigInt(projected) >= BigInt(version), true);
  });
}

async function keyIdsOf(device: SignedDevice): Promise<readonly string[]> {
  return [...((await readDevice(platform.stores, device.id))?.keys.keys() ?? [])].sort();
}

const ask = (request: RawRequest) => send(platform.port, request);

test('a new key that the old one vouches for can sign at once, beside the old one', async () => {
  const device = await platform.addDevice();
  const fresh = new DeviceKey('2');
  const answer = parseAnswer(await ask(keyRequest(device, fresh)), 201);
  assert.deepEqual([answer.state, answer.device_id, answer.key_id], ['done', device.id, '2']);
  assert.match(answer.location, /^\/v1\/keys\/[A-Za-z0-9_-]{22}$/);
  assert.equal(parseAnswer(await ask(getRequest(answer.location)), 200).state, 'done');
  assertAccepted(await ask(device.request({}, fresh)), 1);
  assertAccepted(await ask(device.request()), 1);
});

test('a new key has the limits that its request names', async () => {
  const device = await platform.addDevice();
  const fresh = new DeviceKey('2');
  const nowS = Math.floor(Date.now() / 1000);
  parseAnswer(await ask(keyRequest(device, fresh, { notBefore: nowS + 3600, notAfter: nowS + 7200 })), 201);
  assertProblem(await ask(device.request({}, fresh)), 403, 'key-not-yet-valid');
  const record = (await readDevice(platform.stores, device.id))?.keys.get('2');
  assert.deepEqual([record?.not_before_ms, record?.not_after_ms], [(nowS + 3600) * 1000, (nowS + 7200) * 1000]);
});

test('a key that would never be good is refused', async () => {
  const device = await platform.addDevice();
  const nowS = Math.floor(Date.now() / 1000);
  for (const limits of [{ notAfter: nowS - 1 }, { notBefore: nowS + 20, notAfter: nowS + 10 }]) {
    const problem = assertProblem(await ask(keyRequest(device, new DeviceKey('2'), limits)), 422, 'schema-invalid');
    assert.deepEqual(
      problem.errors?.map(({ pointer }) => pointer),
      ['/not_after'],
    );
  }
});

test('a captured request is refused when it comes again, also after the revocation of its key and with other signature bytes', async () => {
  const device = await platform.addDevice();
  const request = keyRequest(device, new DeviceKey('2'));
  parseAnswer(await ask(request), 201);
  await effective(trust.revokeKey(device.id, '2'));
  const signature = request.fields.find(([name]) => name === 'Signature')?.[1] ?? '';
  for (const again of [request, withField(request, 'Signature', malleableTwin(signature))]) {
    const response = await ask(again);
    assert.equal(response.status, 409, response.body);
  }
  assert.deepEqual(await keyIdsOf(device), ['1', '2']);
});

test('a nonce is used once, by packs and by new keys together', async () => {
  const device = await platform.addDevice();
  const nonce = device.nextNonce();
  assertAccepted(await ask(device.request({ nonce })), 1);
  assertProblem(await ask(keyRequest(device, new DeviceKey('2'), { nonce })), 409, 'replay-detected');
  const other = device.nextNonce();
  parseAnswer(await ask(keyRequest(device, new DeviceKey('2'), { nonce: other })), 201);
  assertProblem(await ask(device.request({ nonce: other })), 409, 'replay-detected');
  assert.equal((await platform.admitted(device)).length, 1, 'a new key leaves nothing in the log');
});

test('a third active key is refused, also when two are asked for at once, until one of the others is gone', async () => {
  const device = await platform.addDevice();
  const responses = await Promise.all(['2', '3', '4'].map((id) => ask(keyRequest(device, new DeviceKey(id)))));
  assert.deepEqual(responses.map(({ status }) => status).sort(), [201, 409, 409]);
  for (const response of responses.filter(({ status }) => status !== 201)) {
    assertProblem(response, 409, 'too-many-keys');
  }
  assertProblem(await ask(keyRequest(device, new DeviceKey('5'))), 409, 'too-many-keys');
  const second = (await keyIdsOf(device)).find((id) => id !== '1') ?? '';
  await effective(trust.revokeKey(device.id, second));
  await eventually(async () => {
    parseAnswer(await ask(keyRequest(device, new DeviceKey('6'))), 201);
  });
});

test('a key id and a public key are never used again, not even after their revocation', async () => {
  const device = await platform.addDevice();
  const second = new DeviceKey('2');
  parseAnswer(await ask(keyRequest(device, second)), 201);
  await effective(trust.revokeKey(device.id, '2'));
  assertProblem(await ask(keyRequest(device, new DeviceKey('2'))), 409, 'key-exists');
  assertProblem(await ask(keyRequest(device, second, { keyId: '3' })), 409, 'key-exists');
  const other = await platform.addDevice();
  assertProblem(await ask(keyRequest(other, second, { keyId: '3' })), 409, 'key-exists');
  assert.deepEqual(await keyIdsOf(other), ['1']);
});

test('without a proof by the new key, or with one for another request, nothing changes', async () => {
  const device = await platform.addDevice();
  const fresh = new DeviceKey('2');
  const createdS = Math.floor(Date.now() / 1000);
  const publicKey = Buffer.from(fresh.publicKey).toString('base64url');
  const text = (...changed: readonly unknown[]) => ['telltale-key-v1', 'POST', '/v1/keys', ...changed].join('\n');
  const nonce = device.nextNonce();
  for (const challenge of [
    text('dev-x', '2', publicKey, '-', '-', createdS, nonce),
    text(device.id, '3', publicKey, '-', '-', createdS, nonce),
    text(device.id, '2', publicKey, createdS, '-', createdS, nonce),
    text(device.id, '2', publicKey, '-', createdS, createdS, nonce),
    text(device.id, '2', publicKey, '-', '-', createdS - 1, nonce),
    text(device.id, '2', publicKey, '-', '-', createdS, nonce - 1),
  ]) {
    const response = await ask(keyRequest(device, fresh, { challenge, createdS, nonce }));
    assertProblem(response, 401, 'signature-invalid');
  }
  assertProblem(await ask(keyRequest(device, fresh, { prover: device.key() })), 401, 'signature-invalid');
  assert.deepEqual(await keyIdsOf(device), ['1']);
  parseAnswer(await ask(keyRequest(device, fresh, { createdS, nonce })), 201);
});

test('only an active key of the device itself vouches', async () => {
  const [device, other] = [await platform.addDevice(), await platform.addDevice()];
  const fresh = new DeviceKey('2');
  assertProblem(await ask(keyRequest(device, fresh, { signer: fresh })), 401, 'signature-invalid');
  assertProblem(await ask(keyRequest(device, fresh, { signer: other.key() })), 401, 'signature-invalid');
  assertProblem(await ask(keyRequest(device, fresh, { apiKey: other.apiKey.text })), 401, 'signature-invalid');
  assertProblem(await ask(keyRequest(device, fresh, { apiKey: '' })), 401, 'unauthorized');
  await effective(trust.revokeKey(device.id, '1'));
  await eventually(async () => assertProblem(await ask(keyRequest(device, fresh)), 403, 'key-revoked'));
  await effective(trust.disableDevice(device.id));
  await eventually(async () => assertProblem(await ask(keyRequest(device, fresh)), 403, 'device-disabled'));
  assert.deepEqual(await keyIdsOf(device), ['1']);
});

test('a signature for packs is none for keys, and the other way round', async () => {
  const device = await platform.addDevice();
  const forPacks = keyRequest(device, new DeviceKey('2'), { path: '/v1/telemetry' });
  assertProblem(await ask(forPacks), 401, 'signature-invalid');
  const pack = device.request();
  const posted = withField({ ...pack, target: '/v1/keys' }, 'Content-Type', 'application/json');
  assertProblem(await ask(posted), 401, 'signature-invalid');
  const body = '[{"n":"pga","u":"m/s2","v":0.42}]';
  const contentType = 'application/senml+json';
  const forKeys = keyRequest(device, new DeviceKey('2'), { body, contentType });
  assertProblem(await ask({ ...forKeys, target: '/v1/telemetry' }), 401, 'signature-invalid');
  assertProblem(await ask(forKeys), 415, 'unsupported-media-type');
});

test('a request for a key is fresh or refused', async () => {
  const device = await platform.addDevice();
  const createdS = Math.floor(Date.now() / 1000) - 310;
  assertProblem(await ask(keyRequest(device, new DeviceKey('2'), { createdS })), 403, 'timestamp-skew');
});

test('a new key that is none is refused by name', async () => {
  const device = await platform.addDevice();
  const publicKey = Buffer.alloc(65, 4).toString('base64url');
  assertProblem(await ask(keyRequest(device, new DeviceKey('2'), { publicKey })), 422, 'key-invalid');
  assertProblem(await ask(keyRequest(device, new DeviceKey('2'), { body: '{' })), 400, 'malformed-body');
  assertProblem(await ask(keyRequest(device, new DeviceKey('2'), { body: '{}' })), 422, 'schema-invalid');
});

test('an old API key is good during the overlap and not after it, and a revoked one not at all', async () => {
  const device = await platform.addDevice();
  const fresh = createApiKey(randomBytes);
  const registration = { id: fresh.id, hash: createHash('sha256').update(fresh.text).digest() };
  await effective(trust.rotateApiKey(device.id, registration, 2000));
  const endMs = Date.now() + 2000;
  assertAccepted(await ask(device.request({ apiKey: fresh.text })), 1);
  assertAccepted(await ask(device.request()), 1);
  await new Promise((resolve) => setTimeout(resolve, endMs - Date.now() + 50));
  assertProblem(await ask(device.request()), 401, 'unauthorized');
  assertAccepted(await ask(device.request({ apiKey: fresh.text })), 1);
  await effective(trust.revokeApiKey(fresh.id));
  await eventually(async () => assertProblem(await ask(device.request({ apiKey: fresh.text })), 401, 'unauthorized'));
});

test('a device that is disabled is refused, and is heard again when it is enabled', async () => {
  const device = await platform.addDevice();
  await effective(trust.disableDevice(device.id));
  await eventually(async () => assertProblem(await ask(device.request()), 403, 'device-disabled'));
  await effective(trust.enableDevice(device.id));
  await eventually(async () => assertAccepted(await ask(device.request()), 1));
});

test('changing both keys under traffic loses no honest pack', async () => {
  const device = await platform.addDevice();
  let apiKey = device.apiKey.text;
  let key = device.key();
  let stopped = false;
  let sent = 0;
  const traffic = async (): Promise<void> => {
    while (!isStopped()) {
      assertAccepted(await ask(device.request({ apiKey }, key)), 1);
      sent += 1;
    }
  };
  const isStopped = (): boolean => stopped;
  const running = Promise.all([traffic(), traffic(), traffic()]);
  const change = async (): Promise<void> => {
    for (let generation = 2; generation < 5; generation += 1) {
      const fresh = new DeviceKey(String(generation));
      parseAnswer(await ask(keyRequest(device, fresh, { apiKey, signer: key })), 201);
      const old = key;
      key = fresh;
      const next = createApiKey(randomBytes);
      const registration = { id: next.id, hash: createHash('sha256').update(next.text).digest() };
      await effective(trust.rotateApiKey(device.id, registration, 60_000));
      apiKey = next.text;
      // What was signed by the old key is on its way for a moment.
      await new Promise((resolve) => setTimeout(resolve, 300));
      await effective(trust.revokeKey(device.id, old.id));
    }
  };
  await change().finally(() => {
    stopped = true;
  });
  await running;
  assert.equal((await platform.admitted(device)).length, sent);
  assert.ok(sent > 20);
});

test('of two keys with one key id at once exactly one wins', async () => {
  const device = await platform.addDevice();
  const rivals = [new DeviceKey('2'), new DeviceKey('2')];
  const responses = await Promise.all(rivals.map((key) => ask(keyRequest(device, key))));
  assert.deepEqual(responses.map(({ status }) => status).sort(), [201, 409]);
});
