import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAdmittedPack } from '../../../contracts/admitted-pack.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import {
  appendEntry,
  appendPack,
  encodePack,
  metricName,
  numberReading,
  positionReadings,
} from '../../support/admitted-packs.ts';
import {
  createPersistGroups,
  createPersisting,
  persistAll,
  readBacklog,
  readDeadLetters,
} from '../../support/persisting.ts';
import { countRows, expectedRows, readStoredRows } from '../../support/stored-rows.ts';
import { openWorkerStores, SHARD_COUNT, type WorkerStores } from '../../support/worker-stores.ts';
import { EVERY_SHARD } from '../../support/held.ts';

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
    [...bad, ''].map((pack, index) => {
      return { shard: SHARD, reason: 'unreadable', entry: ids[index] ?? foreign, error: '', pack };
    }),
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
    for (let pass = 0; pass < 3; pass += 1) await loop.pass(EVERY_SHARD);
  }, /WRONGTYPE/);
  assert.equal((await readBacklog(stores.redis)).unacknowledged, 1);
  await stores.redis.del(redisKeys.deadLetters(SHARD));
  await persistAll(loop, stores.redis);
  assert.deepEqual(
    (await readDeadLetters(stores.redis)).map(({ pack }) => pack),
    ['not a pack'],
  );
});

const conflictLetters = async (stores: WorkerStores) =>
  (await readDeadLetters(stores.redis)).map(({ reason, pack }) => {
    const { metric, time_us: timeUs, value } = parseAdmittedPack(pack) ?? { metric: [], time_us: [], value: [] };
    return { reason, metric, timeUs, value };
  });

test('an entry that the database refuses is a dead letter with what the database said, and no other one is', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const poison = [
    {
      json: encodePack(good(1000)).replace('"value":[1000]', '"value":["a\\u0000b"]'),
      reason: 'data-exception',
      code: '22021',
    },
    {
      json: encodePack(good(1001)).replace('"value":[1001]', '"value":[null]'),
      reason: 'integrity-violation',
      code: '23514',
    },
  ];
  const ids: string[] = [];
  for (let index = 0; index < 21; index += 1) {
    await appendPack(stores.redis, good(index));
    const { json } = poison[index / 10] ?? {};
    if (json !== undefined) ids.push(await appendEntry(stores.redis, SHARD, json));
  }
  const { loop, metrics } = createPersisting(stores);
  await persistAll(loop, stores.redis, 4);
  const letters = await readDeadLetters(stores.redis);
  assert.deepEqual(
    letters.map(({ reason, entry, pack }) => ({ reason, entry, pack })),
    poison.map(({ json, reason }, index) => ({ reason, entry: ids[index], pack: json })),
  );
  for (const [index, { code }] of poison.entries()) assert.ok(letters[index]?.error.includes(`(${code})`));
  assert.equal(await countRows(stores.database), 21);
  assert.match(await metrics.metrics(), /^dlq_entries_total\{reason="data-exception"\} 1$/m);
});

test('a second value for a device, metric and time is a dead letter without its neighbours, and the first one stays', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const { loop } = createPersisting(stores);
  await appendPack(stores.redis, good(1));
  await persistAll(loop, stores.redis);
  const later = [numberReading('x', NOW_US + 1, 7), numberReading('x', NOW_US + 2, 2)];
  await appendPack(stores.redis, { device: DEVICE, readings: later });
  // Within one batch, and a value of another kind.
  await appendPack(stores.redis, { device: DEVICE, readings: [numberReading('x', NOW_US + 2, 8)] });
  await appendPack(stores.redis, {
    device: DEVICE,
    readings: [{ metric: metricName('x'), timeUs: NOW_US + 1, unit: 'm/s2', value: true }],
  });
  await persistAll(loop, stores.redis);
  assert.deepEqual(await conflictLetters(stores), [
    { reason: 'reading-conflict', metric: [0], timeUs: [NOW_US + 1], value: [7] },
    { reason: 'reading-conflict', metric: [0], timeUs: [NOW_US + 2], value: [8] },
    { reason: 'reading-conflict', metric: [0], timeUs: [NOW_US + 1], value: [true] },
  ]);
  assert.deepEqual(
    await readStoredRows(stores.database, DEVICE),
    expectedRows([...good(1).readings, numberReading('x', NOW_US + 2, 2)]),
  );
});

test('the same value again, in another pack or in the same entry delivered again, is no conflict', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const readings = [
    numberReading('x', NOW_US, -0),
    { metric: metricName('s'), timeUs: NOW_US, value: 'text' },
    { metric: metricName('b'), timeUs: NOW_US, value: false },
    { metric: metricName('c'), timeUs: NOW_US, sum: 0.1 },
  ];
  const { loop } = createPersisting(stores);
  for (let round = 0; round < 2; round += 1) {
    await appendPack(stores.redis, { device: DEVICE, readings });
    await appendPack(stores.redis, { device: DEVICE, readings });
    await persistAll(loop, stores.redis);
  }
  assert.deepEqual(await readDeadLetters(stores.redis), []);
  assert.equal(await countRows(stores.database), 4);
});

test('an entry that two workers find to be bad is one dead letter', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  await appendPack(stores.redis, good(1));
  for (let index = 0; index < 5; index += 1) {
    await appendEntry(stores.redis, SHARD, 'not a pack');
    await appendPack(stores.redis, { device: DEVICE, readings: [numberReading('x', NOW_US + 1, 100 + index)] });
  }
  const workers = [createPersisting(stores), createPersisting(stores)];
  for (let pass = 0; pass < 4; pass += 1) await Promise.all(workers.map(({ loop }) => loop.pass(EVERY_SHARD)));
  const reasons = (await readDeadLetters(stores.redis)).map(({ reason }) => reason).toSorted();
  assert.deepEqual(reasons, [...Array<string>(5).fill('reading-conflict'), ...Array<string>(5).fill('unreadable')]);
});

test('a partition that was dropped is made again, and a database that was emptied is filled again: nothing is a dead letter', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const { loop } = createPersisting(stores);
  const passes = async () => {
    for (let pass = 0; pass < 6; pass += 1) await loop.pass(EVERY_SHARD).catch(() => undefined);
    assert.deepEqual(await readBacklog(stores.redis), { unacknowledged: 0, unread: 0 });
  };
  await appendPack(stores.redis, good(1));
  await appendPack(stores.redis, { device: 'dev-2', readings: positionReadings(NOW_US, 1, 2) });
  await passes();
  const day = new Date(NOW_US / 1000).toISOString().slice(0, 10).replaceAll('-', '');
  await stores.database.query(
    `DROP TABLE readings_p${day}, device_positions_p${day}, readings_hour_p${day.slice(0, 6)}`,
  );
  await appendPack(stores.redis, good(2));
  await passes();
  assert.equal(await countRows(stores.database), 1);
  await appendPack(stores.redis, { device: 'dev-2', readings: positionReadings(NOW_US + 1, 1, 2) });
  await passes();

  await stores.database.query(`DROP TABLE readings_p${day}`);
  await stores.database.query('DELETE FROM metrics');
  await appendPack(stores.redis, good(3));
  await passes();
  assert.equal((await readStoredRows(stores.database, DEVICE)).length, 1);
  assert.deepEqual(await readDeadLetters(stores.redis), []);
});

test('a full Redis, or dead letters that cannot be written, keep nothing from being stored', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const { loop } = createPersisting(stores);
  await appendEntry(stores.redis, SHARD, 'not a pack');
  await appendPack(stores.redis, good(1));
  await stores.redis.config('SET', 'maxmemory', '1');
  await persistAll(loop, stores.redis, 4);
  assert.equal(await countRows(stores.database), 1);
  assert.equal((await readDeadLetters(stores.redis)).length, 1);

  await stores.redis.config('SET', 'maxmemory', '0');
  await stores.redis.set(redisKeys.deadLetters(SHARD), 'no stream');
  await appendEntry(stores.redis, SHARD, 'not a pack either');
  await appendPack(stores.redis, good(2));
  await assert.rejects(async () => {
    for (let pass = 0; pass < 3; pass += 1) await loop.pass(EVERY_SHARD);
  }, /WRONGTYPE/);
  assert.equal(await countRows(stores.database), 2);
});
