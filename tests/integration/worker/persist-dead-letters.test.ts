import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import { appendEntry, appendPack, encodePack, metricName, numberReading } from '../../support/admitted-packs.ts';
import {
  createPersistGroups,
  createPersisting,
  persistAll,
  readBacklog,
  readDeadLetters,
} from '../../support/persisting.ts';
import { countRows, expectedRows, readStoredRows } from '../../support/stored-rows.ts';
import { openWorkerStores, SHARD_COUNT } from '../../support/worker-stores.ts';

const NOW_US = Date.now() * 1000;
const DEVICE = 'dev-1';
const SHARD = shardOf(DEVICE, SHARD_COUNT);
const good = (index: number) => ({ device: DEVICE, readings: [numberReading('x', NOW_US + index, index)] });

test('entries that cannot be read go to the dead letters as they are, and the others are stored', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const bad = [
    '',
    'null',
    '[]',
    '{"device":"dev-1"}',
    '{"device',
    encodePack(good(9)).replace('"value":[9]', '"value":[1e400]'),
  ];
  const ids: string[] = [];
  for (const [index, json] of bad.entries()) {
    await appendPack(stores.redis, good(index));
    ids.push(await appendEntry(stores.redis, SHARD, json));
  }
  const foreign = await stores.redis.xadd(redisKeys.readings(SHARD), '*', 'other', 'field');
  const { loop, metrics } = createPersisting(stores);
  await persistAll(loop, stores.redis);
  assert.deepEqual(
    await readDeadLetters(stores.redis),
    [...bad, ''].map((pack, index) => ({ shard: SHARD, reason: 'unreadable', entry: ids[index] ?? foreign, pack })),
  );
  assert.equal(await countRows(stores.database), bad.length);
  assert.match(await metrics.metrics(), /^dlq_entries_total\{reason="unreadable"\} 7$/m);
});

test('unreadable entries that a dead worker had read do not hide the readable ones behind them', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  for (let index = 0; index < 3; index += 1) await appendEntry(stores.redis, SHARD, 'not a pack');
  await appendPack(stores.redis, good(1));
  await stores.redis.xreadgroup('GROUP', 'persist', 'shard', 'STREAMS', redisKeys.readings(SHARD), '>');
  await persistAll(createPersisting(stores, { readCount: 2 }).loop, stores.redis, 5);
  assert.equal(await countRows(stores.database), 1);
});

test('a pack in another unit than the metric has is a dead letter, alone in its batch', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const conflicts = [
    [numberReading('x', NOW_US + 100, 1, 'Cel')],
    [{ metric: metricName('x'), timeUs: NOW_US + 101, value: 2 }],
    [numberReading('y', NOW_US + 102, 1, 'm'), numberReading('x', NOW_US + 102, 1, 'm')],
  ];
  const kept = [good(1), good(2)];
  await appendPack(stores.redis, good(1));
  for (const readings of conflicts) await appendPack(stores.redis, { device: DEVICE, readings });
  await appendPack(stores.redis, good(2));
  await appendPack(stores.redis, { device: 'dev-2', readings: [numberReading('x', NOW_US, 5, 'Cel')] });
  await persistAll(createPersisting(stores).loop, stores.redis);
  assert.deepEqual(
    (await readDeadLetters(stores.redis)).map(({ reason }) => reason),
    conflicts.map(() => 'unit-conflict'),
  );
  assert.deepEqual(
    await readStoredRows(stores.database, DEVICE),
    expectedRows(kept.flatMap(({ readings }) => readings)),
  );
  assert.equal((await readStoredRows(stores.database, 'dev-2'))[0]?.unit, 'Cel');
});

test('a device has 64 metrics; a pack with one more is a dead letter and its known metrics go on', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const metrics = Array.from({ length: 66 }, (_, index) => `m${index}`);
  const packs = metrics.map((metric, index) => [numberReading(metric, NOW_US + index, index)]);
  for (const readings of packs) await appendPack(stores.redis, { device: DEVICE, readings });
  const mixed = [numberReading('m0', NOW_US + 500, 1), numberReading('m70', NOW_US + 500, 1)];
  await appendPack(stores.redis, { device: DEVICE, readings: mixed });
  const known = [numberReading('m63', NOW_US + 501, 1)];
  await appendPack(stores.redis, { device: DEVICE, readings: known });
  await persistAll(createPersisting(stores).loop, stores.redis);
  assert.deepEqual(
    (await readDeadLetters(stores.redis)).map(({ reason }) => reason),
    ['too-many-metrics', 'too-many-metrics', 'too-many-metrics'],
  );
  assert.deepEqual(
    await readStoredRows(stores.database, DEVICE),
    expectedRows([...packs.slice(0, 64).flat(), ...known]),
  );
});

test('a device that keeps sending metrics beyond its 64 does not touch the registry again', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const { loop } = createPersisting(stores);
  const full = Array.from({ length: 64 }, (_, index) => numberReading(`m${index}`, NOW_US, index));
  await appendPack(stores.redis, { device: DEVICE, readings: full });
  await persistAll(loop, stores.redis);
  const before = await stores.database.query('SELECT version FROM registry_state');
  for (let index = 0; index < 3; index += 1) {
    await appendPack(stores.redis, { device: DEVICE, readings: [numberReading(`more${index}`, NOW_US, 1)] });
    await persistAll(loop, stores.redis);
  }
  assert.deepEqual((await stores.database.query('SELECT version FROM registry_state')).rows, before.rows);
  assert.equal((await readDeadLetters(stores.redis)).length, 3);
});

test('an entry whose dead letter cannot be written stays in the log', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  await appendEntry(stores.redis, SHARD, 'not a pack');
  await stores.redis.set(redisKeys.deadLetters(SHARD), 'no stream');
  const { loop } = createPersisting(stores);
  await assert.rejects(async () => {
    for (let pass = 0; pass < 3; pass += 1) await loop.pass();
  }, /WRONGTYPE/);
  assert.equal((await readBacklog(stores.redis)).unacknowledged, 1);
  await stores.redis.del(redisKeys.deadLetters(SHARD));
  await persistAll(loop, stores.redis);
  assert.deepEqual(
    (await readDeadLetters(stores.redis)).map(({ pack }) => pack),
    ['not a pack'],
  );
});
