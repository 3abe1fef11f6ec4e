import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisChannels, redisKeys } from '../../../contracts/redis-keys.ts';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import { defineScript } from '../../../platform/redis/script.ts';
import { thresholdRule } from '../../support/detecting.ts';
import {
  changeRegistry,
  createProjector,
  PROJECTED_HASHES,
  readDevice,
  readProjection,
} from '../../support/projecting.ts';
import { deviceRegistration } from '../../support/registrations.ts';
import { openWorkerStores } from '../../support/worker-stores.ts';

const SCRIPT_FOLDER = new URL('../../../services/worker/project/', import.meta.url).href;

test('what is deleted in the database is gone from Redis, even when as much is added', async () => {
  await using stores = await openWorkerStores();
  const store = new RegistryStore(stores.database);
  const projector = createProjector(stores);
  const kept = deviceRegistration('kept');
  const gone = deviceRegistration('gone', { keys: [] });
  await store.registerDevices([kept, gone]);
  await store.applyRules([thresholdRule(), thresholdRule({ id: 'other' })]);
  await projector.check();
  await changeRegistry(
    stores,
    `WITH k AS (DELETE FROM api_keys WHERE device_id = 'gone'), r AS (DELETE FROM rules WHERE id = 'other') SELECT $1::bigint`,
  );
  await changeRegistry(stores, `DELETE FROM devices WHERE id = 'gone' AND $1::bigint > 0`);
  await store.registerDevices([deviceRegistration('new')]);
  await projector.check();
  assert.deepEqual((await stores.redis.hkeys(redisKeys.devices)).sort(), ['kept', 'new']);
  assert.equal(await stores.redis.hexists(redisKeys.apiKeys, gone.apiKeys[0]?.id ?? ''), 0);
  assert.deepEqual(await stores.redis.hkeys(redisKeys.rules), ['strong-motion']);
});

test('a projection that was flushed, or is of another database, is made anew', async () => {
  await using stores = await openWorkerStores();
  const store = new RegistryStore(stores.database);
  const projector = createProjector(stores);
  await store.registerDevices(
    Array.from({ length: 700 }, (_, index) => deviceRegistration(`dev-${index}`, { keys: [] })),
  );
  await store.applyRules([thresholdRule()]);
  await projector.check();
  const before = await readProjection(stores);
  await stores.redis.flushall();
  await projector.check();
  assert.deepEqual(await readProjection(stores), before);

  await stores.redis.set(redisKeys.registryVersion, '9007199254740993');
  for (const hash of PROJECTED_HASHES) await stores.redis.hset(hash, 'foreign', '{}');
  await stores.redis.hdel(redisKeys.devices, 'dev-3');
  await projector.check();
  assert.deepEqual(await readProjection(stores), before);
});

test('projectors of several workers agree', async () => {
  await using stores = await openWorkerStores();
  const store = new RegistryStore(stores.database);
  const projectors = Array.from({ length: 4 }, () => createProjector(stores));
  for (let round = 0; round < 5; round += 1) {
    await store.registerDevices(
      Array.from({ length: 60 }, (_, index) =>
        deviceRegistration(`dev-${index}`, { keys: [], apiKeys: [], position: { lat: round, lon: index } }),
      ),
    );
    await Promise.all(projectors.map((projector) => projector.check()));
  }
  await createProjector(stores).check();
  for (let index = 0; index < 60; index += 1) {
    assert.deepEqual((await readDevice(stores, `dev-${index}`))?.position, { lat: 4, lon: index, alt_m: null });
  }
});

test('a projector that another one overtook in the middle writes no more', async () => {
  await using stores = await openWorkerStores();
  const script = defineScript(stores.redis, 'testProject', 'project.lua', SCRIPT_FOLDER);
  const write = (writer: string, step: 'first' | 'next', to: string, value: string) =>
    script(
      [redisKeys.registryVersion, redisKeys.registryWriter, ...PROJECTED_HASHES],
      ['', to, redisChannels.registryChanged, writer, step, 1, 'dev-1', value],
    );
  assert.equal(await write('slow', 'first', '', 'old'), 1);
  assert.equal(await write('fast', 'first', '', 'new'), 1);
  assert.equal(await write('slow', 'next', '', 'old'), 0);
  assert.equal(await stores.redis.hget(redisKeys.devices, 'dev-1'), 'new');
  assert.equal(await write('fast', 'next', '7', 'newest'), 1);
  assert.equal(await write('slow', 'first', '6', 'old'), 0);
  assert.equal(await stores.redis.hget(redisKeys.devices, 'dev-1'), 'newest');
  assert.equal(await stores.redis.get(redisKeys.registryVersion), '7');
});
