import assert from 'node:assert/strict';
import { test } from 'node:test';
import { POSITION_FIELD } from '../../../contracts/detect-checkpoint.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { defineScript } from '../../../platform/redis/script.ts';
import { openWorkerStores } from '../../support/worker-stores.ts';
import { TOKEN } from '../../support/held.ts';

const FOLDER = new URL('../../../services/worker/detect/', import.meta.url).href;

test('a checkpoint never goes back to where another worker has been before, and is kept while Redis is full', async () => {
  await using stores = await openWorkerStores();
  const keep = defineScript(stores.redis, 'testCheckpoint', 'checkpoint.lua', FOLDER);
  const key = redisKeys.detect(0);
  const keys = [key, redisKeys.lease(0)];
  const read = () => stores.redis.hgetall(key);
  assert.equal(await keep(keys, [TOKEN, POSITION_FIELD, '0']), 1);
  assert.equal(await keep(keys, [TOKEN, POSITION_FIELD, '1790000000000-9', 'state:a', '1', 'state:b', '2']), 1);
  for (const behind of ['1790000000000-8', '1789999999999-10', '0']) {
    assert.equal(await keep(keys, [TOKEN, POSITION_FIELD, behind, 'state:a', 'old']), 0);
  }
  assert.deepEqual(await read(), { [POSITION_FIELD]: '1790000000000-9', 'state:a': '1', 'state:b': '2' });
  assert.equal(await keep(keys, [TOKEN, POSITION_FIELD, '1790000000000-9', 'state:a', '3']), 1);
  await stores.redis.config('SET', 'maxmemory', '1');
  assert.equal(await keep(keys, [TOKEN, POSITION_FIELD, '1790000000000-10', 'state:c', '4']), 1);
  assert.deepEqual(await read(), {
    [POSITION_FIELD]: '1790000000000-10',
    ...{ 'state:a': '3', 'state:b': '2', 'state:c': '4' },
  });
});

test('a worker that has lost a shard leaves its checkpoint as it is', async () => {
  await using stores = await openWorkerStores();
  const keep = defineScript(stores.redis, 'testCheckpoint', 'checkpoint.lua', FOLDER);
  const keys = [redisKeys.detect(0), redisKeys.lease(0)];
  await stores.redis.hset(redisKeys.lease(0), 'token', '1790000000001');
  assert.equal(await keep(keys, ['1790000000001', POSITION_FIELD, '1790000000000-9']), 1);
  assert.equal(await keep(keys, ['1790000000000', POSITION_FIELD, '1790000000000-10', 'state:a', 'stale']), 0);
  assert.deepEqual(await stores.redis.hgetall(redisKeys.detect(0)), { [POSITION_FIELD]: '1790000000000-9' });
});
