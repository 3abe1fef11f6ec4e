import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { openRedis, waitForRedis, type Redis } from '../../../platform/redis/open-redis.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import { startProgram, startService, type ServiceSettings } from '../../support/process.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

let server: TestRedis;
let redis: Redis;

before(async () => {
  server = await startRedis();
  redis = openRedis({ url: server.url, name: 'test', manner: 'patient' }, createLogger('test', 'silent'));
  await waitForRedis(redis, 10_000);
});
afterEach(async () => {
  await redis.config('SET', 'appendonly', 'yes', 'maxmemory-policy', 'noeviction');
  await redis.del(redisKeys.shardCount);
});
after(async () => {
  redis.disconnect();
  await server[Symbol.asyncDispose]();
});

async function settings(changes: ServiceSettings = {}): Promise<ServiceSettings> {
  return {
    REDIS_URL: server.url,
    TELLTALE_INGEST_PORT: String(await findFreePort()),
    TELLTALE_INGEST_ADMIN_PORT: String(await findFreePort()),
    ...changes,
  };
}

/** Ends by itself with a failure, says each of these, and shows no stack trace and no secret. */
async function assertRefuses(changes: ServiceSettings, ...explanations: readonly RegExp[]): Promise<void> {
  await using started = await startProgram('services/ingest/main.js', [], await settings(changes));
  const { code } = await started.running.exited;
  const output = started.running.lastLines(200).join('\n');
  assert.ok(code === 1 || code === 2, output);
  for (const explanation of explanations) assert.match(output, explanation);
  assert.doesNotMatch(output, /"stack":"[^"]|^\s+at /m);
  assert.ok(!output.includes(new URL(server.url).password), 'the password of Redis is in the log');
}

test('a Redis without an append-only file is refused', async () => {
  await redis.config('SET', 'appendonly', 'no');
  await assertRefuses({}, /appendonly yes/);
});

test('a Redis that evicts is refused', async () => {
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
  await assertRefuses({}, /maxmemory-policy noeviction/);
});

test('another number of shards than the data has is refused', async () => {
  await redis.set(redisKeys.shardCount, '32');
  await assertRefuses({ TELLTALE_SHARDS: '16' }, /TELLTALE_SHARDS=32/);
  assert.equal(await redis.get(redisKeys.shardCount), '32');
});

test('the first start lays down the number of shards', async () => {
  await using ingest = await startService('ingest', await settings({ TELLTALE_SHARDS: '8' }));
  assert.equal(await redis.get(redisKeys.shardCount), '8');
  assert.equal((await fetch(`${ingest.adminUrl}/readyz`)).status, 200);
});

test('unknown names and bad values are refused all at once, with a suggestion', async () => {
  await assertRefuses(
    { TELLTALE_INGEST_VERIFYER: 'noble', TELLTALE_INGEST_REPLAY_WINDOW: '100', TELLTALE_SHARDS: 'many', REDIS_URL: '' },
    /TELLTALE_INGEST_VERIFYER: no such setting; did you mean TELLTALE_INGEST_VERIFIER\?/,
    /TELLTALE_INGEST_REPLAY_WINDOW: must be a multiple of 8/,
    /TELLTALE_SHARDS: must be a whole number/,
    /REDIS_URL/,
  );
});

for (const [setting, what] of [
  ['TELLTALE_INGEST_PORT', 'a port'],
  ['TELLTALE_INGEST_ADMIN_PORT', 'an admin port'],
] as const) {
  test(`${what} that is in use is refused with its number and the name of its setting`, async () => {
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    try {
      const address = other.address();
      assert.ok(address !== null && typeof address === 'object');
      await assertRefuses(
        { [setting]: String(address.port) },
        new RegExp(`\\b${address.port}\\b`),
        new RegExp(setting),
      );
    } finally {
      other.close();
    }
  });
}

test('a second ingest on the port of the first is refused, and the first goes on', async () => {
  const first = await settings();
  await using ingest = await startService('ingest', first);
  const port = first.TELLTALE_INGEST_PORT ?? '';
  await assertRefuses({ TELLTALE_INGEST_PORT: port }, new RegExp(`\\b${port}\\b`), /TELLTALE_INGEST_PORT/);
  assert.equal((await fetch(`${ingest.adminUrl}/readyz`)).status, 200);
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404);
});

test('a Redis that is not there is refused after a while, with what to check', { timeout: 60_000 }, async () => {
  await assertRefuses({ REDIS_URL: `redis://127.0.0.1:${await findFreePort()}` }, /REDIS_URL/);
});

test('the admin port is not where the public port is', async () => {
  const own = await settings({ TELLTALE_INGEST_HOST: '127.0.0.2' });
  await using ingest = await startService('ingest', own);
  assert.equal((await fetch(`http://127.0.0.2:${own.TELLTALE_INGEST_PORT}/v1/time`)).status, 200);
  await assert.rejects(fetch(ingest.adminUrl.replace('127.0.0.1', '127.0.0.2')));
});
