import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { createApiKey } from '../../../core/identity/api-key.ts';
import { openIngestPlatform, type IngestPlatform } from '../../support/ingest-platform.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { send, withoutField, type RawRequest } from '../../support/raw-http.ts';
import { SignedDevice } from '../../support/signed-device.ts';

const HOUR_MS = 3_600_000;

let platform: IngestPlatform;
let device: SignedDevice;

before(async () => {
  platform = await openIngestPlatform();
  device = await platform.addDevice();
});
after(() => platform[Symbol.asyncDispose]());

const hoursFromNow = (hours: number) => new Date(Date.now() + hours * HOUR_MS);

/** Everything of the answer but its date. */
async function answerTo(request: RawRequest): Promise<unknown> {
  const response = await send(platform.port, request);
  assertProblem(response, 401, 'unauthorized');
  const headers = new Map(response.headers);
  headers.delete('date');
  return { ...response, headers };
}

test('an API key that is unknown, wrong, malformed, missing, revoked, expired or early gets one and the same answer', async () => {
  const revoked = await platform.addDevice();
  await platform.registry.setKeyTime(revoked, 'api_keys', 'revoked_at', hoursFromNow(-1));
  const expired = await platform.addDevice();
  await platform.registry.setKeyTime(expired, 'api_keys', 'not_after', hoursFromNow(-1));
  const early = await platform.addDevice();
  await platform.registry.setKeyTime(early, 'api_keys', 'not_before', hoursFromNow(1));

  const { id, text } = device.apiKey;
  const otherSecret = sameIdOtherSecret(id);
  const presented = [
    createApiKey(randomBytes).text,
    otherSecret,
    text.slice(0, -1),
    `${text}0`,
    text.toUpperCase(),
    text.replace('tt_', 'TT_'),
    'tt__',
    'x'.repeat(1000),
    `${text}, ${text}`,
    "' OR 1=1 --",
    '__proto__',
  ].map((apiKey) => device.request({ apiKey }));
  const requests = [
    ...presented,
    withoutField(device.request(), 'X-API-Key'),
    device.request({ apiKey: '' }),
    revoked.request(),
    expired.request(),
    early.request(),
  ];
  const answers = await Promise.all(requests.map(answerTo));
  for (const answer of answers) assert.deepEqual(answer, answers[0]);
  assert.deepEqual(await platform.admitted(device), []);
});

/** A well-formed key: only the comparison with the hash can tell. */
function sameIdOtherSecret(id: string): string {
  const prefix = Buffer.from(id, 'latin1').map((byte) => BASE62.indexOf(String.fromCharCode(byte)));
  const bytes = [prefix, randomBytes(30).map((byte) => byte % 62)];
  return createApiKey(() => bytes.shift() ?? randomBytes(30)).text;
}
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

test('the wrong secret in that test belongs to an id that is known', () => {
  const text = sameIdOtherSecret(device.apiKey.id);
  assert.equal(text.slice(0, 16), device.apiKey.text.slice(0, 16));
  assert.notEqual(text, device.apiKey.text);
});

test('an API key whose device is not there is unauthorized', async () => {
  const orphan = await platform.addDevice();
  await platform.stores.redis.hdel(redisKeys.devices, orphan.id);
  await answerTo(orphan.request());
});

test('spaces around the API key are not part of it', async () => {
  assertAccepted(await send(platform.port, device.request({ apiKey: ` ${device.apiKey.text}  ` })), 1);
});

test('an API key proves its own device only: the keyid of another device is an invalid signature', async () => {
  const other = await platform.addDevice();
  const stolen = device.request({ apiKey: other.apiKey.text });
  assertProblem(await send(platform.port, stolen), 401, 'signature-invalid');
  const claimed = device.request({ keyId: `${other.id}/1` });
  assertProblem(await send(platform.port, claimed), 401, 'signature-invalid');
  assert.deepEqual(await platform.admitted(other), []);
});

test('an API key may be used within its time', async () => {
  const valid = await platform.addDevice();
  await platform.registry.setKeyTime(valid, 'api_keys', 'not_before', hoursFromNow(-1));
  await platform.registry.setKeyTime(valid, 'api_keys', 'not_after', hoursFromNow(1));
  await platform.registry.setKeyTime(valid, 'api_keys', 'revoked_at', hoursFromNow(1));
  assertAccepted(await send(platform.port, valid.request()), 1);
});

test('a disabled device is told so', async () => {
  const disabled = await platform.addDevice();
  await platform.registry.disable(disabled);
  assertProblem(await send(platform.port, disabled.request()), 403, 'device-disabled');
});

for (const { column, hours, code } of [
  { column: 'not_before', hours: 1, code: 'key-not-yet-valid' },
  { column: 'not_after', hours: -1, code: 'key-expired' },
  { column: 'revoked_at', hours: -1, code: 'key-revoked' },
]) {
  test(`a device key that is ${code.slice(4)} is refused, and one that is not yet or no longer so is not`, async () => {
    const refused = await platform.addDevice();
    await platform.registry.setKeyTime(refused, 'device_keys', column, hoursFromNow(hours));
    assertProblem(await send(platform.port, refused.request()), 403, code);
    const allowed = await platform.addDevice();
    await platform.registry.setKeyTime(allowed, 'device_keys', column, hoursFromNow(-hours));
    assertAccepted(await send(platform.port, allowed.request()), 1);
  });
}

test('a revoked key that has expired as well is revoked', async () => {
  const both = await platform.addDevice();
  await platform.registry.setKeyTime(both, 'device_keys', 'not_after', hoursFromNow(-2));
  await platform.registry.setKeyTime(both, 'device_keys', 'revoked_at', hoursFromNow(-1));
  assertProblem(await send(platform.port, both.request()), 403, 'key-revoked');
});

test('a device may sign with any of its keys, and with no other', async () => {
  const two = await platform.addDevice(['1', 'next']);
  assertAccepted(await send(platform.port, two.request({}, two.key('1'))), 1);
  assertAccepted(await send(platform.port, two.request({}, two.key('next'))), 1);
  const crossed = two.request({ keyId: `${two.id}/1` }, two.key('next'));
  assertProblem(await send(platform.port, crossed), 401, 'signature-invalid');
  for (const keyId of ['2', '__proto__', 'constructor', 'toString']) {
    const unknown = two.request({ keyId: `${two.id}/${keyId}` });
    assertProblem(await send(platform.port, unknown), 401, 'signature-invalid');
  }
});

test('an id that is as long and as odd as ids may be works', async () => {
  const odd = new SignedDevice(`u${'rn:dev._-'.repeat(14)}x`, ['A-_9'.repeat(8)]);
  assert.equal(odd.id.length, 128);
  await platform.registry.register(odd);
  assertAccepted(await send(platform.port, odd.request({}, odd.keys[0])), 1);
});
