import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { createEnrolmentToken } from '../../../core/identity/enrolment-token.ts';
import {
  apiKeyOf,
  enrolment,
  enrolmentBody,
  getRequest,
  giveToken,
  parseAnswer,
  postJson,
  type EnrolmentParts,
} from '../../support/enrolling.ts';
import { eventually } from '../../support/eventually.ts';
import { openIngestPlatform, type IngestPlatform } from '../../support/ingest-platform.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { readDevice } from '../../support/projecting.ts';
import { readEverything } from '../../support/read-everything.ts';
import { send, withField, withoutField } from '../../support/raw-http.ts';
import { startRegistryWorker } from '../../support/registry-worker.ts';
import { SignedDevice } from '../../support/signed-device.ts';

let platform: IngestPlatform;
let worker: AsyncDisposable;
let devices = 0;

before(async () => {
  platform = await openIngestPlatform();
  worker = startRegistryWorker(platform.stores);
});
after(async () => {
  await worker[Symbol.asyncDispose]();
  await platform[Symbol.asyncDispose]();
});

function newDevice(keyIds?: readonly string[]): SignedDevice {
  devices += 1;
  return new SignedDevice(`new-${devices}`, keyIds);
}

async function countRows(table: 'devices' | 'device_keys' | 'api_keys', deviceId: string): Promise<number> {
  const column = table === 'devices' ? 'id' : 'device_id';
  const { rows } = await platform.stores.database.query(`SELECT 1 FROM ${table} WHERE ${column} = $1`, [deviceId]);
  return rows.length;
}

async function assertNotEnrolled(device: SignedDevice): Promise<void> {
  for (const table of ['devices', 'device_keys', 'api_keys'] as const)
    assert.equal(await countRows(table, device.id), 0);
  assert.equal(await readDevice(platform.stores, device.id), undefined);
}

test('a device with a token is enrolled as the token says, gets its API key once, and is heard at once', async () => {
  const device = newDevice();
  const token = await giveToken(platform.stores, {
    class: 'mobile',
    site: 'roof',
    owner: 'me',
    position: { lat: 47.5, lon: 19.04 },
  });
  const answer = parseAnswer(await send(platform.port, enrolment(device, token)), 201);
  assert.equal(answer.state, 'done');
  assert.deepEqual([answer.device_id, answer.key_id], [device.id, '1']);
  const apiKey = apiKeyOf(answer);
  assertAccepted(await send(platform.port, device.request({ apiKey: apiKey.text })), 1);

  const record = await readDevice(platform.stores, device.id);
  assert.deepEqual([record?.class, record?.site, record?.owner], ['mobile', 'roof', 'me']);
  assert.deepEqual(record?.position, { lat: 47.5, lon: 19.04, alt_m: null });

  const { location, ...state } = parseAnswer(await send(platform.port, getRequest(answer.location)), 200);
  assert.equal(location, '');
  assert.deepEqual(state, { state: 'done', device_id: device.id, key_id: '1' });
});

test('neither the token nor the API key lies in Redis or in the database', async () => {
  const device = newDevice();
  const token = await giveToken(platform.stores);
  const apiKey = apiKeyOf(parseAnswer(await send(platform.port, enrolment(device, token)), 201));
  const everything = await readEverything(platform.stores);
  assert.ok(everything.includes(apiKey.id));
  assert.equal(everything.includes(token.slice(3)), false);
  assert.equal(everything.includes(apiKey.text.slice(-36)), false);
  const logged = platform.ingest.log.join('\n');
  assert.equal(logged.includes(token.slice(3)) || logged.includes(apiKey.text.slice(-36)), false);
});

test('unknown, used and expired tokens, those for another device and no tokens at all get one and the same answer', async () => {
  const used = await giveToken(platform.stores);
  parseAnswer(await send(platform.port, enrolment(newDevice(), used)), 201);
  const expired = await giveToken(platform.stores, { ttlMs: -1 });
  const others = await giveToken(platform.stores, { deviceId: 'somebody-else' });
  const device = newDevice();
  const answers: string[] = [];
  for (const token of [createEnrolmentToken(randomBytes), used, expired, others, 'te_', '', 'x'.repeat(1024)]) {
    const response = await send(platform.port, enrolment(device, token));
    assertProblem(response, 401, 'enrolment-token-invalid');
    answers.push(response.body);
  }
  assert.equal(new Set(answers).size, 1);
  await assertNotEnrolled(device);
});

test('a token for one device lets it in and no other', async () => {
  const device = newDevice();
  const token = await giveToken(platform.stores, { deviceId: device.id });
  assertProblem(await send(platform.port, enrolment(newDevice(), token)), 401, 'enrolment-token-invalid');
  parseAnswer(await send(platform.port, enrolment(device, token)), 201);
});

test('the same request again is refused, and makes nothing', async () => {
  const device = newDevice();
  const request = enrolment(device, await giveToken(platform.stores));
  parseAnswer(await send(platform.port, request), 201);
  assertProblem(await send(platform.port, request), 401, 'enrolment-token-invalid');
  assert.equal(await countRows('api_keys', device.id), 1);
});

test('a device that exists can be neither moved nor re-keyed, whatever token is shown', async () => {
  const device = await platform.addDevice();
  const before = await readDevice(platform.stores, device.id);
  const thief = new SignedDevice(device.id);
  const token = await giveToken(platform.stores, { site: 'elsewhere', position: { lat: 0, lon: 0 } });
  for (const changes of [{}, { key_id: 'another' }]) {
    assertProblem(await send(platform.port, enrolment(thief, token, changes)), 409, 'device-exists');
  }
  assert.deepEqual(await readDevice(platform.stores, device.id), before);
  assertAccepted(await send(platform.port, device.request()), 1);
});

test('a token that nobody was let in by stays good', async () => {
  const token = await giveToken(platform.stores);
  const existing = await platform.addDevice();
  assertProblem(await send(platform.port, enrolment(existing, token)), 409, 'device-exists');
  parseAnswer(await send(platform.port, enrolment(newDevice(), token)), 201);
});

test('a public key belongs to one device', async () => {
  const owner = newDevice();
  parseAnswer(await send(platform.port, enrolment(owner, await giveToken(platform.stores))), 201);
  const token = await giveToken(platform.stores);
  const request = enrolment(owner, token, { device_id: `${owner.id}-twin` });
  assertProblem(await send(platform.port, request), 409, 'key-exists');
  assert.equal(await countRows('devices', `${owner.id}-twin`), 0);
});

const ONE = '0'.repeat(63) + '1';
const GX = '79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
const GY = '483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8';
const hex = (text: string): string => Buffer.from(text, 'hex').toString('base64url');

for (const { name, key } of [
  { name: 'the identity', key: hex('00') },
  { name: 'a point of zeros', key: hex(`04${'0'.repeat(128)}`) },
  { name: 'a point that is not on the curve', key: hex(`04${ONE}${ONE}`) },
  { name: 'a point of secp256k1', key: hex(`04${GX}${GY}`) },
  { name: 'a point of the length of P-384', key: hex(`04${'11'.repeat(96)}`) },
  { name: 'coordinates beyond the field', key: hex(`04${'f'.repeat(128)}`) },
  { name: 'standard base64', key: Buffer.alloc(65, 0xff).toString('base64') },
  { name: 'nothing', key: '' },
]) {
  test(`${name} is no public key`, async () => {
    const device = newDevice();
    const request = enrolment(device, await giveToken(platform.stores), { public_key: key });
    assertProblem(await send(platform.port, request), 422, 'key-invalid');
    await assertNotEnrolled(device);
  });
}

test('a compressed point and another text of the same point are no public keys', async () => {
  const device = newDevice();
  const token = await giveToken(platform.stores);
  const point = Buffer.from(device.key().publicKey);
  const compressed = Buffer.concat([Buffer.of(2 + ((point[64] ?? 0) & 1)), point.subarray(1, 33)]);
  const text = point.toString('base64url');
  const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const respelt = text.slice(0, -1) + last.charAt(last.indexOf(text.slice(-1)) + 1);
  assert.deepEqual(Buffer.from(respelt, 'base64url'), point);
  for (const key of [compressed.toString('base64url'), respelt, `${text}=`]) {
    assertProblem(await send(platform.port, enrolment(device, token, { public_key: key })), 422, 'key-invalid');
  }
});

test('the signature binds token, device, key id, public key and created', async () => {
  const device = newDevice();
  const token = await giveToken(platform.stores);
  const other = await giveToken(platform.stores);
  const good = enrolmentBody(device, token);
  const changes: Partial<EnrolmentParts>[] = [
    { token: other },
    { device_id: 'somebody-else' },
    { key_id: '2' },
    { public_key: Buffer.from(newDevice().key().publicKey).toString('base64url') },
    { created: Number(good.created) - 1 },
    { signature: Buffer.alloc(64).toString('base64url') },
  ];
  for (const change of changes) {
    const response = await send(platform.port, postJson('/v1/enrolments', { ...good, ...change }));
    assertProblem(response, 401, 'signature-invalid');
  }
  await assertNotEnrolled(device);
  parseAnswer(await send(platform.port, postJson('/v1/enrolments', good)), 201);
});

test('created must lie in the window of freshness', async () => {
  const device = newDevice();
  const token = await giveToken(platform.stores);
  const nowS = Math.floor(Date.now() / 1000);
  for (const created of [nowS - 310, nowS + 40, 0]) {
    const problem = assertProblem(
      await send(platform.port, enrolment(device, token, { created })),
      403,
      'timestamp-skew',
    );
    assert.equal(typeof problem.server_time, 'number');
  }
  await assertNotEnrolled(device);
});

test('content that is not such a request is refused before its token is looked at', async () => {
  const device = newDevice();
  const good = JSON.stringify(enrolmentBody(device, await giveToken(platform.stores)));
  for (const text of ['', '{', 'null,', good.replace('{', '{"token":"x",'), `${good}\u0000`]) {
    assertProblem(await send(platform.port, postJson('/v1/enrolments', text)), 400, 'malformed-body');
  }
  for (const { change, pointer } of [
    { change: { device_id: '-x' }, pointer: '/device_id' },
    { change: { key_id: 'a/b' }, pointer: '/key_id' },
    { change: { created: '1' }, pointer: '/created' },
    { change: { created: 1.5 }, pointer: '/created' },
    { change: { signature: 'x' }, pointer: '/signature' },
    { change: { token: 1 }, pointer: '/token' },
    { change: { class: 'mobile' }, pointer: '' },
  ]) {
    const body: unknown = { ...(JSON.parse(good) as object), ...change };
    const problem = assertProblem(await send(platform.port, postJson('/v1/enrolments', body)), 422, 'schema-invalid');
    assert.deepEqual(
      problem.errors?.map((error) => error.pointer),
      [pointer],
    );
  }
  await assertNotEnrolled(device);
});

test('framing is as strict as for packs', async () => {
  const request = enrolment(newDevice(), await giveToken(platform.stores));
  const { port } = platform;
  const large = postJson('/v1/enrolments', ' '.repeat(4097));
  assertProblem(await send(port, large), 413, 'payload-too-large');
  assertProblem(await send(port, withField(request, 'Content-Type', 'text/plain')), 415, 'unsupported-media-type');
  assertProblem(await send(port, withoutField(request, 'Content-Type')), 415, 'unsupported-media-type');
  assertProblem(await send(port, { ...request, target: '/v1/enrolments?a' }), 400, 'malformed-request');
  const get = await send(port, getRequest('/v1/enrolments'));
  assertProblem(get, 405, 'method-not-allowed');
  assert.equal(get.headers.get('allow'), 'POST');
});

test('the state of a request is told to whoever knows its id, and to nobody else', async () => {
  const answer = parseAnswer(await send(platform.port, enrolment(newDevice(), await giveToken(platform.stores))), 201);
  assert.match(answer.location, /^\/v1\/enrolments\/[A-Za-z0-9_-]{22}$/);
  const { port } = platform;
  for (const target of [
    answer.location.slice(0, -1),
    `${answer.location}A`,
    `/v1/enrolments/${randomBytes(16).toString('base64url')}`,
    answer.location.replace('enrolments', 'keys'),
  ]) {
    assertProblem(await send(port, getRequest(target)), 404, 'not-found');
  }
  const post = await send(port, { ...getRequest(answer.location), method: 'POST' });
  assertProblem(post, 405, 'method-not-allowed');
  assert.equal(post.headers.get('allow'), 'GET');
});

test('of many enrolments of one device at once exactly one wins', async () => {
  const id = newDevice().id;
  const rivals = await Promise.all(
    Array.from({ length: 8 }, async () => ({ device: new SignedDevice(id), token: await giveToken(platform.stores) })),
  );
  const responses = await Promise.all(rivals.map(({ device, token }) => send(platform.port, enrolment(device, token))));
  const winner = responses.findIndex(({ status }) => status === 201);
  for (const [index, response] of responses.entries()) {
    if (index !== winner) assertProblem(response, 409, 'device-exists');
  }
  const [won] = responses.filter(({ status }) => status === 201);
  const apiKey = apiKeyOf(parseAnswer(won!, 201));
  assertAccepted(await send(platform.port, rivals[winner]!.device.request({ apiKey: apiKey.text })), 1);
  for (const table of ['devices', 'device_keys', 'api_keys'] as const) assert.equal(await countRows(table, id), 1);
});

test('of many enrolments by one token at once exactly one wins', async () => {
  const token = await giveToken(platform.stores);
  const rivals = Array.from({ length: 8 }, () => newDevice());
  const responses = await Promise.all(rivals.map((device) => send(platform.port, enrolment(device, token))));
  assert.equal(responses.filter(({ status }) => status === 201).length, 1);
  for (const response of responses.filter(({ status }) => status !== 201)) {
    assertProblem(response, 401, 'enrolment-token-invalid');
  }
  const counts = await Promise.all(rivals.map((device) => countRows('devices', device.id)));
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    1,
  );
});

test('what is carried out does not stay in the stream', async () => {
  // Whoever waits is answered before the request leaves the stream.
  await eventually(async () => assert.equal(await platform.stores.redis.xlen(redisKeys.requests), 0));
});
