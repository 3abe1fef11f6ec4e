import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import { appendPack, numberReading } from '../../support/admitted-packs.ts';
import { createDetecting, projectDevice, projectRule, thresholdRule } from '../../support/detecting.ts';
import { EVERY_SHARD } from '../../support/held.ts';
import { openWorkerStores, SHARD_COUNT } from '../../support/worker-stores.ts';

test('while Redis is full, detection tells who was heard, keeps where it stands, and fails at nothing', async () => {
  await using stores = await openWorkerStores();
  const { redis } = stores;
  await projectRule(redis, thresholdRule({ emits: 'trigger' }));
  await projectDevice(redis, 'dev-1', { position: { lat: 1, lon: 2, alt_m: null } });
  const readings = [numberReading('x', Date.now() * 1000, 12)];
  await appendPack(redis, { device: 'dev-1', readings });
  const { loop } = createDetecting({ reader: stores.openRedis('reader'), redis });
  await redis.config('SET', 'maxmemory', '1');
  try {
    await assert.rejects(redis.set('anything', 'more'), /OOM/);
    await loop.pass(EVERY_SHARD);
    const shard = shardOf('dev-1', SHARD_COUNT);
    assert.deepEqual(Object.keys(await redis.hgetall(redisKeys.heard(shard))), ['strong-motion|dev-1']);
    await loop.checkpoint();
    assert.equal(await redis.exists(redisKeys.detect(shard)), 1);
  } finally {
    await redis.config('SET', 'maxmemory', '0');
  }
});
