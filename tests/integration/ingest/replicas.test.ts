import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { eventually } from '../../support/eventually.ts';
import { openIngestPlatform, type IngestPlatform } from '../../support/ingest-platform.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { send } from '../../support/raw-http.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { SHARD_COUNT } from '../../support/worker-stores.ts';

interface Replicated extends AsyncDisposable {
  readonly platform: IngestPlatform;
  readonly replica: TestRedis;
  readonly client: Redis;
}

/** An ingest that waits for one replica, which has caught up. */
async function openReplicated(): Promise<Replicated> {
  const platform = await openIngestPlatform({
    TELLTALE_INGEST_WAIT_REPLICAS: '1',
    TELLTALE_INGEST_WAIT_MS: '300',
  });
  const replica = await startRedis();
  const client = new Redis(replica.url);
  client.on('error', () => undefined);
  const { password, port } = new URL(platform.stores.server.url);
  await client.config('SET', 'masterauth', password);
  await client.replicaof('127.0.0.1', Number(port));
  await eventually(async () => assert.match(await client.info('replication'), /master_link_status:up/));
  return {
    platform,
    replica,
    client,
    [Symbol.asyncDispose]: async () => {
      client.disconnect();
      await replica[Symbol.asyncDispose]();
      await platform[Symbol.asyncDispose]();
    },
  };
}

async function countEntries(redis: Redis): Promise<number> {
  let entries = 0;
  for (let shard = 0; shard < SHARD_COUNT; shard += 1) entries += await redis.xlen(redisKeys.readings(shard));
  return entries;
}

test('what is acknowledged is in the replica, also when the first server is gone a moment later', async () => {
  await using replicated = await openReplicated();
  const { platform, client } = replicated;
  const device = await platform.addDevice();
  const requests = Array.from({ length: 50 }, () => device.request());
  const acknowledged = Promise.all(requests.map((request) => send(platform.port, request)));
  for (const response of await acknowledged) assertAccepted(response, 1);
  await platform.stores.server.kill9();
  await client.replicaof('NO', 'ONE');
  assert.equal(await countEntries(client), requests.length);
});

test('while the replica stands still nothing is acknowledged, and what is sent again is told of once it is safe', async () => {
  await using replicated = await openReplicated();
  const { platform, replica } = replicated;
  const device = await platform.addDevice();
  const request = device.request();
  replica.pause();
  assertProblem(await send(platform.port, request), 503, 'temporary-reduced-capacity');
  assertProblem(await send(platform.port, request), 503, 'temporary-reduced-capacity');
  replica.resume();
  await eventually(async () => assertProblem(await send(platform.port, request), 409, 'replay-detected'));
  assert.equal((await platform.admitted(device)).length, 1);
});

async function hasWaitAof(): Promise<boolean> {
  await using server = await startRedis();
  const client = new Redis(server.url);
  try {
    const reply: unknown = await client.call('command', 'info', 'waitaof');
    return Array.isArray(reply) && reply[0] !== null;
  } finally {
    client.disconnect();
  }
}

test('a Redis that cannot tell what is on its disk is refused, where that is to be waited for', async (context) => {
  if (await hasWaitAof()) {
    context.skip('the Redis here can');
    return;
  }
  await assert.rejects(openIngestPlatform({ TELLTALE_INGEST_WAIT_FOR: 'disk' }), {
    message: /^TELLTALE_INGEST_WAIT_FOR=disk needs Redis 7\.2 or newer, and this is [0-9.]+\. Set .*=memory\.$/,
  });
});

test('what is acknowledged is on the disk, also of a Redis that syncs once a second', async (context) => {
  if (!(await hasWaitAof())) {
    context.skip('the Redis here has no WAITAOF');
    return;
  }
  await using platform = await openIngestPlatform({
    TELLTALE_INGEST_WAIT_FOR: 'disk',
    TELLTALE_INGEST_WAIT_MS: '1500',
  });
  const { redis } = platform.stores;
  await redis.config('SET', 'appendfsync', 'everysec');
  const device = await platform.addDevice();
  assertAccepted(await send(platform.port, device.request()), 1);
  await redis.config('SET', 'appendfsync', 'no');
  // Nothing is synced any more: nothing is acknowledged.
  assertProblem(await send(platform.port, device.request()), 503, 'temporary-reduced-capacity');
});
