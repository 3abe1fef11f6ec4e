import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ADMITTED_PACK_FIELD } from '../../../contracts/admitted-pack.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { formatShardEpoch } from '../../../contracts/shard-epoch.ts';
import { shardOf } from '../../../contracts/shard.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { openRedis, waitForRedis, type Redis } from '../../../platform/redis/open-redis.ts';
import { AdmissionQueue } from '../../../services/ingest/admit/admission-queue.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const SHARD_COUNT = 16;
const CREATED_MS = 1_734_567_891_000;

let server: TestRedis;
let redis: Redis;
let queue: AdmissionQueue;

before(async () => {
  server = await startRedis();
  redis = openRedis({ url: server.url, name: 'test', manner: 'fail-fast' }, createLogger('test', 'silent'));
  await waitForRedis(redis, 10_000);
  queue = new AdmissionQueue(redis, SHARD_COUNT, { replayWindow: 2048, maxBacklog: 1000 });
  for (let shard = 0; shard < SHARD_COUNT; shard += 1) await beginLog(shard, CREATED_MS - 1);
});
after(async () => {
  redis.disconnect();
  await server[Symbol.asyncDispose]();
});

async function beginLog(shard: number, createdMs: number): Promise<void> {
  await redis.set(redisKeys.epoch(shard), formatShardEpoch({ createdMs, refuseAtOrBeforeMs: 0 }));
}

const admit = (device: string, nonce: number) =>
  queue.admit({
    registryVersion: 1,
    deviceId: device,
    key: `key of ${device}`,
    nonce,
    createdMs: CREATED_MS,
    pack: `${device} ${nonce}`,
    metrics: undefined,
  });

async function logOf(shard: number): Promise<string[]> {
  const entries = await redis.xrange(redisKeys.readings(shard), '-', '+');
  return entries.map(([, fields]) => fields[fields.indexOf(ADMITTED_PACK_FIELD) + 1] ?? '');
}

test('a turn with thousands of envelopes of many devices puts each into the log of its shard once', async () => {
  const devices = Array.from({ length: 40 }, (_, index) => `dev-${index}`);
  const nonces = Array.from({ length: 50 }, (_, index) => index);
  const wanted = devices.flatMap((device) => nonces.map((nonce) => ({ device, nonce })));
  const outcomes = await Promise.all([...wanted, ...wanted].map(({ device, nonce }) => admit(device, nonce)));
  assert.ok(outcomes.slice(0, wanted.length).every((outcome) => outcome === 'accepted'));
  assert.ok(outcomes.slice(wanted.length).every((outcome) => outcome === 'replay-detected'));
  for (let shard = 0; shard < SHARD_COUNT; shard += 1) {
    const expected = wanted.filter(({ device }) => shardOf(device, SHARD_COUNT) === shard);
    assert.deepEqual(
      await logOf(shard),
      expected.map(({ device, nonce }) => `${device} ${nonce}`),
    );
  }
});

test('a log that ends and one that begins are noticed without a restart', async () => {
  const device = 'epoch-device';
  const shard = shardOf(device, SHARD_COUNT);
  assert.equal(await admit(device, 1), 'accepted');
  await redis.del(redisKeys.epoch(shard));
  assert.deepEqual(await Promise.all([admit(device, 2), admit(device, 3)]), ['no-log', 'no-log']);
  await beginLog(shard, CREATED_MS + 5);
  assert.deepEqual(await Promise.all([admit(device, 2), admit(device, 3)]), ['accepted', 'accepted']);
  await beginLog(shard, CREATED_MS + 6);
  assert.equal(await admit(device, 4), 'accepted');
});

test('a failure of one shard is not one of the others', async () => {
  const broken = 'broken-device';
  const brokenShard = shardOf(broken, SHARD_COUNT);
  const other = Array.from({ length: 100 }, (_, index) => `other-${index}`).find(
    (device) => shardOf(device, SHARD_COUNT) !== brokenShard,
  )!;
  await redis.rename(redisKeys.readings(brokenShard), 'aside');
  await redis.set(redisKeys.readings(brokenShard), 'no stream');
  const [first, second] = await Promise.allSettled([admit(broken, 1), admit(other, 1)]);
  assert.equal(first.status, 'rejected');
  assert.deepEqual(second, { status: 'fulfilled', value: 'accepted' });
  await redis.rename('aside', redisKeys.readings(brokenShard));
  assert.equal(await admit(broken, 1), 'accepted');
});
