import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import {
  encodeRegistryRequest,
  parseRegistryRequest,
  parseRequestState,
  type RegistryRequest,
  type RequestState,
} from '../../../contracts/registry-request.ts';
import { RequestStore } from '../../../services/worker/requests/request-store.ts';
import { giveToken } from '../../support/enrolling.ts';
import { newApiKey, newDeviceKey } from '../../support/registrations.ts';
import { createCarryOut } from '../../support/registry-worker.ts';
import { openWorkerStores, type WorkerStores } from '../../support/worker-stores.ts';
import { TOKEN } from '../../support/held.ts';

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

function enrolmentOf(device: string, token: string): RegistryRequest {
  const key = newDeviceKey('1');
  const apiKey = newApiKey();
  const request = parseRegistryRequest(
    JSON.stringify({
      kind: 'enrolment',
      id: randomBytes(16).toString('base64url'),
      received_ms: Date.now(),
      device,
      token: createHash('sha256').update(token).digest('base64url'),
      key: { id: key.id, public_key: base64url(key.publicKey), thumbprint: key.thumbprint },
      api_key: { id: apiKey.id, hash: base64url(apiKey.hash) },
    }),
  );
  assert.ok(request);
  return request;
}

async function ask(stores: WorkerStores, request: RegistryRequest): Promise<void> {
  await stores.redis.xadd(redisKeys.requests, '*', 'request', encodeRegistryRequest(request));
}

async function openStores(): Promise<WorkerStores> {
  const stores = await openWorkerStores();
  await stores.redis.xgroup('CREATE', redisKeys.requests, consumerGroups.carryOut, '0', 'MKSTREAM');
  return stores;
}

/** The first pass asks for what was left unacknowledged, the second for what is new. */
async function carryOutAll(stores: WorkerStores): Promise<void> {
  const loop = createCarryOut(stores);
  await loop.pass(TOKEN);
  await loop.pass(TOKEN);
}

async function readState(stores: WorkerStores, request: RegistryRequest): Promise<RequestState | undefined> {
  return parseRequestState((await stores.redis.get(redisKeys.requestState(request.id))) ?? '');
}

async function readTrust(stores: WorkerStores): Promise<unknown> {
  const { rows } = await stores.database.query(
    `SELECT (SELECT json_agg(d ORDER BY d.id) FROM devices d) AS devices,
       (SELECT json_agg(k ORDER BY k.device_id, k.key_id) FROM device_keys k) AS keys,
       (SELECT json_agg(a ORDER BY a.id) FROM api_keys a) AS api_keys,
       (SELECT json_agg(t ORDER BY t.hash) FROM enrolment_tokens t) AS tokens,
       (SELECT version FROM registry_state) AS version`,
  );
  return rows;
}

async function countUnacknowledged(stores: WorkerStores): Promise<number> {
  const [count] = await stores.redis.xpending(redisKeys.requests, consumerGroups.carryOut);
  return Number(count);
}

test('a worker that dies between commit and acknowledgement leaves one device, and its request succeeded', async () => {
  await using stores = await openStores();
  const request = enrolmentOf('dev-1', await giveToken(stores));
  await ask(stores, request);
  // What the dead worker did: read, commit, and nothing more.
  const { redis } = stores;
  await redis.xreadgroup('GROUP', consumerGroups.carryOut, 'worker', 'STREAMS', redisKeys.requests, '>');
  const first = await new RequestStore(stores.database).carryOut(request);
  assert.equal(first.state, 'done');
  const before = await readTrust(stores);
  assert.equal(await countUnacknowledged(stores), 1);

  await carryOutAll(stores);
  assert.deepEqual(await readTrust(stores), before);
  assert.deepEqual((await readState(stores, request))?.outcome, first);
  assert.equal(await countUnacknowledged(stores), 0);
  assert.equal(await redis.xlen(redisKeys.requests), 0);
});

test('a worker that dies before its commit leaves nothing, and the next one carries the request out', async () => {
  await using stores = await openStores();
  const request = enrolmentOf('dev-1', await giveToken(stores));
  await ask(stores, request);
  await stores.redis.xreadgroup('GROUP', consumerGroups.carryOut, 'worker', 'STREAMS', redisKeys.requests, '>');
  await carryOutAll(stores);
  assert.equal((await readState(stores, request))?.outcome?.state, 'done');
});

test('two workers that carry out the same requests agree on every outcome', async () => {
  await using stores = await openStores();
  const token = await giveToken(stores);
  const requests = [enrolmentOf('dev-1', token), enrolmentOf('dev-2', token)];
  for (let device = 0; device < 10; device += 1) requests.push(enrolmentOf('dev-3', await giveToken(stores)));
  for (const request of requests) await ask(stores, request);
  await Promise.all([carryOutAll(stores), carryOutAll(stores), carryOutAll(stores)]);
  await carryOutAll(stores);
  const outcomes = await Promise.all(requests.map(async (request) => (await readState(stores, request))?.outcome));
  const summary = outcomes.map((outcome) => (outcome?.state === 'refused' ? outcome.code : outcome?.state)).sort();
  assert.deepEqual(summary, [...Array<string>(9).fill('device-exists'), 'done', 'done', 'enrolment-token-invalid']);
  const { rows } = await stores.database.query('SELECT 1 FROM devices');
  assert.equal(rows.length, 2);
});

test('a token that expires while the worker is away still lets in who asked in time, and nobody who asked later', async () => {
  await using stores = await openStores();
  const inTime = enrolmentOf('dev-1', await giveToken(stores, { ttlMs: 1 }));
  const tooLate = enrolmentOf('dev-2', await giveToken(stores, { ttlMs: 1 }));
  await ask(stores, { ...inTime, received_ms: Date.now() - 60_000 });
  await ask(stores, { ...tooLate, received_ms: Date.now() + 60_000 });
  await carryOutAll(stores);
  assert.equal((await readState(stores, inTime))?.outcome?.state, 'done');
  assert.deepEqual((await readState(stores, tooLate))?.outcome, { state: 'refused', code: 'enrolment-token-invalid' });
});

test('an entry that is no request is passed over, and the ones around it are carried out', async () => {
  await using stores = await openStores();
  const requests = [enrolmentOf('dev-1', await giveToken(stores)), enrolmentOf('dev-2', await giveToken(stores))];
  await ask(stores, requests[0]!);
  await stores.redis.xadd(redisKeys.requests, '*', 'request', '{"kind":"enrolment"}');
  await stores.redis.xadd(redisKeys.requests, '*', 'other', 'x');
  await ask(stores, requests[1]!);
  await carryOutAll(stores);
  for (const request of requests) assert.equal((await readState(stores, request))?.outcome?.state, 'done');
  assert.equal(await stores.redis.xlen(redisKeys.requests), 0);
});

test('enrolling somebody makes no message be judged again: the trust version stays', async () => {
  await using stores = await openStores();
  const sql = 'SELECT trust_version FROM registry_state';
  const request = enrolmentOf('dev-1', await giveToken(stores));
  const { rows: before } = await stores.database.query(sql);
  await ask(stores, request);
  await carryOutAll(stores);
  assert.deepEqual((await stores.database.query(sql)).rows, before);
});
