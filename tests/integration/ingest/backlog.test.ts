import assert from 'node:assert/strict';
import { test } from 'node:test';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import {
  admitAll,
  createAdmitScript,
  createAdmittable,
  MAX_BACKLOG,
  openAdmissionLogs,
} from '../../support/admission-logs.ts';
import { eventually } from '../../support/eventually.ts';
import { openIngestPlatform } from '../../support/ingest-platform.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { send } from '../../support/raw-http.ts';
import { readSample } from '../../support/running-ingest.ts';
import { SHARD_COUNT } from '../../support/worker-stores.ts';

const UNREADY_WITHIN_MS = 9000;

/** As persist does before it stores anything. */
async function readSome(redis: Redis, stream: string): Promise<void> {
  await redis.xreadgroup('GROUP', consumerGroups.persist, 'shard', 'COUNT', 10, 'STREAMS', stream, '>');
}

async function acknowledgeFirst(redis: Redis, stream: string): Promise<void> {
  const [first] = await redis.xrange(stream, '-', '+', 'COUNT', 1);
  assert.equal(await redis.xack(stream, consumerGroups.persist, first?.[0] ?? ''), 1);
}

test('a shard admits until as much as may waits to be stored; what it refuses keeps its nonce, and stored entries do not count', async () => {
  await using logs = await openAdmissionLogs();
  const script = createAdmitScript(logs, 2048);
  const shard = await logs.begin();
  const stream = redisKeys.readings(shard);
  await logs.redis.xgroup('CREATE', stream, consumerGroups.persist, '0', 'MKSTREAM');
  const all = Array.from({ length: MAX_BACKLOG }, (_, nonce) => createAdmittable(nonce));
  for (let start = 0; start < all.length; start += 100) await admitAll(script, shard, all.slice(start, start + 100));
  assert.equal(await logs.redis.xlen(stream), MAX_BACKLOG);

  const next = createAdmittable(MAX_BACKLOG);
  const known = createAdmittable(MAX_BACKLOG - 1);
  const withoutPack = createAdmittable(MAX_BACKLOG + 1, { pack: '' });
  assert.deepEqual(await admitAll(script, shard, [next, known, withoutPack]), [
    'backlog-full',
    'replay-detected',
    'accepted',
  ]);
  // What is read and not acknowledged waits still.
  await readSome(logs.redis, stream);
  assert.deepEqual(await admitAll(script, shard, [next]), ['backlog-full']);
  await acknowledgeFirst(logs.redis, stream);
  assert.equal(await logs.redis.xlen(stream), MAX_BACKLOG);
  assert.deepEqual(await admitAll(script, shard, [next]), ['accepted']);
  assert.deepEqual(await admitAll(script, shard, [next, createAdmittable(MAX_BACKLOG + 2)]), [
    'replay-detected',
    'backlog-full',
  ]);
});

test('a log that is stored and not evaluated is refused as well, once it is four times as long', async () => {
  await using logs = await openAdmissionLogs();
  const script = createAdmitScript(logs, 8192);
  const shard = await logs.begin();
  const stream = redisKeys.readings(shard);
  await logs.redis.xgroup('CREATE', stream, consumerGroups.persist, '0', 'MKSTREAM');
  let nonce = 0;
  while ((await logs.redis.xlen(stream)) < 4 * MAX_BACKLOG) {
    const envelopes = Array.from({ length: 500 }, () => createAdmittable((nonce += 1)));
    assert.ok((await admitAll(script, shard, envelopes)).every((admission) => admission === 'accepted'));
    const ids = (await logs.redis.xrange(stream, '-', '+')).map(([id]) => id);
    await logs.redis.xreadgroup('GROUP', consumerGroups.persist, 'shard', 'COUNT', 500, 'STREAMS', stream, '>');
    await logs.redis.xack(stream, consumerGroups.persist, ...ids);
  }
  assert.deepEqual(await admitAll(script, shard, [createAdmittable((nonce += 1))]), ['backlog-full']);
});

test('while too much waits to be stored devices are told to come back and ingest, when it refuses all, is not ready; both pass by themselves', async () => {
  await using platform = await openIngestPlatform({ TELLTALE_INGEST_MAX_BACKLOG: '2' });
  const { redis } = platform.stores;
  const device = await platform.addDevice();
  const stream = redisKeys.readings(shardOf(device.id, SHARD_COUNT));
  const ready = async () => await fetch(`${platform.ingest.adminUrl}/readyz`);
  for (let count = 0; count < 2; count += 1) assertAccepted(await send(platform.port, device.request()), 1);
  assert.equal((await ready()).status, 200);

  const request = device.request();
  const refused = await send(platform.port, request);
  assertProblem(refused, 503, 'temporary-reduced-capacity');
  assert.match(refused.headers.get('retry-after') ?? '', /^[1-5]$/);
  assert.equal(await readSample(platform.ingest.adminUrl, 'ingest_full_shards'), 1);
  // As long as others are served it stays in the load balancer.
  assert.equal((await ready()).status, 200);
  await eventually(async () => {
    assertProblem(await send(platform.port, request), 503, 'temporary-reduced-capacity');
    assert.match(await (await ready()).text(), /too much waits to be stored/);
  }, UNREADY_WITHIN_MS);

  await readSome(redis, stream);
  await acknowledgeFirst(redis, stream);
  assertAccepted(await send(platform.port, request), 1);
  assert.equal((await ready()).status, 200);
});
