import assert from 'node:assert/strict';
import { test } from 'node:test';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { LogKeeper } from '../../../services/worker/log/log-keeper.ts';
import { standBefore } from '../../support/cut-off-server.ts';
import { createPersisting } from '../../support/persisting.ts';
import { openWorkerStores, SHARD_COUNT, type WorkerStores } from '../../support/worker-stores.ts';
import { EVERY_SHARD } from '../../support/held.ts';

const EARLY_SKEW_MS = 30_000;
const SHARDS = Array.from({ length: SHARD_COUNT }, (_, shard) => shard);

function createKeeper(stores: WorkerStores, database = stores.database): LogKeeper {
  return new LogKeeper(stores.redis, database, SHARD_COUNT, stores.log);
}

interface Epoch {
  readonly createdMs: number;
  readonly refuseAtOrBeforeMs: number;
}

async function readEpochs(redis: Redis): Promise<readonly Epoch[]> {
  const texts = await Promise.all(SHARDS.map((shard) => redis.get(redisKeys.epoch(shard))));
  return texts.map((text) => {
    assert.match(text ?? '', /^\d+:\d+$/);
    const [createdMs, refuseAtOrBeforeMs] = (text ?? '').split(':').map(Number);
    return { createdMs: createdMs ?? 0, refuseAtOrBeforeMs: refuseAtOrBeforeMs ?? 0 };
  });
}

async function assertEpochs(redis: Redis, expected: 'refuses nothing' | 'refuses what is older'): Promise<void> {
  for (const { createdMs, refuseAtOrBeforeMs } of await readEpochs(redis)) {
    assert.ok(Math.abs(Date.now() - createdMs) < 60_000);
    assert.equal(refuseAtOrBeforeMs, expected === 'refuses nothing' ? 0 : createdMs + EARLY_SKEW_MS);
  }
}

test('the first logs of an installation refuse nothing, have their groups, and stay as they are', async () => {
  await using stores = await openWorkerStores();
  const keeper = createKeeper(stores);
  await keeper.check();
  await assertEpochs(stores.redis, 'refuses nothing');
  const before = await readEpochs(stores.redis);
  await keeper.check();
  await createKeeper(stores).check();
  assert.deepEqual(await readEpochs(stores.redis), before);
  for (const stream of [...SHARDS.map((shard) => redisKeys.readings(shard)), redisKeys.alerts]) {
    const group = stream === redisKeys.alerts ? consumerGroups.storeAlerts : consumerGroups.persist;
    assert.deepEqual(await stores.redis.xpending(stream, group), [0, null, null, null]);
  }
  await createPersisting(stores).loop.pass(EVERY_SHARD);
});

test('a log that was lost is replaced by one that refuses what was created before it', async () => {
  await using stores = await openWorkerStores();
  const keeper = createKeeper(stores);
  await keeper.check();
  await stores.redis.flushall();
  await keeper.check();
  await assertEpochs(stores.redis, 'refuses what is older');
  await createPersisting(stores).loop.pass(EVERY_SHARD);
});

test('a log of one shard that was lost leaves the others as they are', async () => {
  await using stores = await openWorkerStores();
  const keeper = createKeeper(stores);
  await keeper.check();
  await stores.redis.del(redisKeys.epoch(2), redisKeys.readings(2));
  await keeper.check();
  const epochs = await readEpochs(stores.redis);
  assert.deepEqual(
    epochs.map(({ refuseAtOrBeforeMs }) => refuseAtOrBeforeMs > 0),
    [false, false, true, false],
  );
});

test('with the database away logs begin carefully and at once, and are recorded when it is back', async () => {
  await using stores = await openWorkerStores();
  const { server, url } = await standBefore(stores.databaseUrl);
  await using _server = server;
  const database = stores.openDatabase(url);
  server.cutOff = true;
  const keeper = createKeeper(stores, database);
  const startedAt = performance.now();
  await keeper.check();
  assert.ok(performance.now() - startedAt < 10_000);
  await assertEpochs(stores.redis, 'refuses what is older');

  await keeper.check();
  server.cutOff = false;
  await keeper.check();
  const { rows } = await stores.database.query<{ shard: number }>('SELECT shard FROM log_epochs ORDER BY shard');
  assert.deepEqual(
    rows.map(({ shard }) => shard),
    SHARDS,
  );
  await stores.redis.flushall();
  await createKeeper(stores).check();
  await assertEpochs(stores.redis, 'refuses what is older');
});

test('a crash between the record of a log and its beginning makes the next start careful', async () => {
  await using stores = await openWorkerStores();
  await stores.database.query(`INSERT INTO log_epochs (shard, epoch) SELECT n, '1' FROM generate_series(0, 3) AS n`);
  await createKeeper(stores).check();
  await assertEpochs(stores.redis, 'refuses what is older');
});

test('workers that start together begin each log once', async () => {
  await using stores = await openWorkerStores();
  const keepers = Array.from({ length: 4 }, () => createKeeper(stores));
  await Promise.all(keepers.map((keeper) => keeper.check()));
  const before = await readEpochs(stores.redis);
  await Promise.all(keepers.map((keeper) => keeper.check()));
  assert.deepEqual(await readEpochs(stores.redis), before);
});
