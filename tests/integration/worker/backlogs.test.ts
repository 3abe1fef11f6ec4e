import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { consumerGroups, redisKeys, type LeaseTag } from '../../../contracts/redis-keys.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { openRedis, waitForRedis, type Redis } from '../../../platform/redis/open-redis.ts';
import { Backlogs } from '../../../services/worker/log/backlogs.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

let server: TestRedis;
let redis: Redis;

before(async () => {
  server = await startRedis();
  redis = openRedis({ url: server.url, name: 'test', manner: 'patient' }, createLogger('test', 'silent'));
  await waitForRedis(redis, 10_000);
});
after(async () => {
  redis.disconnect();
  await server[Symbol.asyncDispose]();
});

const holding = (...tags: readonly LeaseTag[]) => ({
  tokenOf: (tag: LeaseTag) => (tags.includes(tag) ? 1 : undefined),
});

/** By `<stream>/<shard>`. */
function samplesOf(
  samples: Iterable<readonly [Readonly<Record<string, string>>, number]>,
): Readonly<Record<string, number>> {
  return Object.fromEntries([...samples].map(([{ stream, shard }, value]) => [`${stream ?? ''}/${shard}`, value]));
}

test('what waits is counted and has an age, read or not, until it is acknowledged; of streams of others nothing is said', async () => {
  const stream = redisKeys.readings(0);
  for (const shard of [0, 1]) {
    await redis.xgroup('CREATE', redisKeys.readings(shard), consumerGroups.persist, '0', 'MKSTREAM');
  }
  const backlogs = new Backlogs(redis, holding(0, 'alerts'), [0, 1]);
  await backlogs.look();
  assert.deepEqual(samplesOf(backlogs.pendingEntries), { 'readings/0': 0 });
  assert.deepEqual(samplesOf(backlogs.lagSeconds), { 'readings/0': 0 });

  const old = `${Date.now() - 60_000}-0`;
  await redis.xadd(stream, old, 'pack', '1');
  for (let count = 0; count < 4; count += 1) await redis.xadd(stream, '*', 'pack', '2');
  await redis.xadd(redisKeys.readings(1), '*', 'pack', '3');
  await backlogs.look();
  assert.deepEqual(samplesOf(backlogs.pendingEntries), { 'readings/0': 5 });
  const unread = samplesOf(backlogs.lagSeconds)['readings/0'] ?? 0;
  assert.ok(unread >= 60 && unread < 65, `${unread} s`);

  await redis.xreadgroup('GROUP', consumerGroups.persist, 'shard', 'COUNT', 2, 'STREAMS', stream, '>');
  await backlogs.look();
  assert.deepEqual(samplesOf(backlogs.pendingEntries), { 'readings/0': 5 });
  assert.ok((samplesOf(backlogs.lagSeconds)['readings/0'] ?? 0) >= 60);

  await redis.xack(stream, consumerGroups.persist, old);
  await delay(20);
  await backlogs.look();
  assert.deepEqual(samplesOf(backlogs.pendingEntries), { 'readings/0': 4 });
  const rest = samplesOf(backlogs.lagSeconds)['readings/0'] ?? 0;
  assert.ok(rest > 0 && rest < 10, `${rest} s`);
});

test('the other streams and the dead letters are counted by whoever has them', async () => {
  await redis.xgroup('CREATE', redisKeys.requests, consumerGroups.carryOut, '0', 'MKSTREAM');
  await redis.xadd(redisKeys.requests, '*', 'request', '1');
  await redis.xadd(redisKeys.deadLetters(1), '*', 'reason', 'unreadable');
  await redis.xadd(redisKeys.deadLetters(1), '*', 'reason', 'unreadable');
  const backlogs = new Backlogs(redis, holding(1, 'registry'), [0, 1]);
  await backlogs.look();
  assert.equal(samplesOf(backlogs.pendingEntries)['requests/'], 1);
  assert.deepEqual(samplesOf(backlogs.deadLetters), { '/1': 2 });
});
