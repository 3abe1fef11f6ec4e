import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Registry } from 'prom-client';
import fc from 'fast-check';
import { POSITION_FIELD } from '../../../contracts/detect-checkpoint.ts';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { openRedis, waitForRedis, type Redis } from '../../../platform/redis/open-redis.ts';
import { LogTrimmer } from '../../../services/worker/log/log-trimmer.ts';
import { createWorkerMetrics } from '../../../services/worker/metrics.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const SHARD = 0;
const STREAM = redisKeys.readings(SHARD);

let server: TestRedis;
let redis: Redis;
let trimmer: LogTrimmer;
const registry = new Registry();

before(async () => {
  server = await startRedis();
  redis = openRedis({ url: server.url, name: 'test', manner: 'patient' }, createLogger('test', 'silent'));
  await waitForRedis(redis, 10_000);
  await redis.config('SET', 'appendfsync', 'no');
  trimmer = new LogTrimmer(redis, createWorkerMetrics(registry));
});
after(async () => {
  redis.disconnect();
  await server[Symbol.asyncDispose]();
});

/** A new log with these entries; ids grow in steps of a millisecond and within one. */
async function beginLog(count: number): Promise<string[]> {
  await redis.del(STREAM, redisKeys.detect(SHARD));
  await redis.xgroup('CREATE', STREAM, consumerGroups.persist, '0', 'MKSTREAM');
  const ids = Array.from({ length: count }, (_, index) => `${1_790_000_000_000 + Math.floor(index / 3)}-${index % 3}`);
  for (const id of ids) await redis.xadd(STREAM, id, 'pack', id);
  return ids;
}

const read = (count: number) =>
  redis.xreadgroup('GROUP', consumerGroups.persist, 'shard', 'COUNT', count, 'STREAMS', STREAM, '>');
const detectAt = (position: string) => redis.hset(redisKeys.detect(SHARD), POSITION_FIELD, position);
const remaining = async () => (await redis.xrange(STREAM, '-', '+')).map(([id]) => id);

test('what is stored and evaluated is deleted, and nothing else, whatever was read and acknowledged in which order', async () => {
  const history = fc.record({
    entries: fc.integer({ min: 0, max: 12 }),
    delivered: fc.integer({ min: 0, max: 12 }),
    acknowledged: fc.uniqueArray(fc.integer({ min: 0, max: 11 })),
    detected: fc.integer({ min: 0, max: 12 }),
  });
  await fc.assert(
    fc.asyncProperty(history, async ({ entries, delivered, acknowledged, detected }) => {
      const ids = await beginLog(entries);
      if (delivered > 0) await read(delivered);
      const acked = acknowledged
        .filter((index) => index < Math.min(delivered, entries))
        .map((index) => ids[index] ?? '');
      if (acked.length > 0) await redis.xack(STREAM, consumerGroups.persist, ...acked);
      await detectAt(ids[Math.min(detected, entries) - 1] ?? '0');
      await trimmer.trim([SHARD]);
      const firstNeeded = ids.findIndex((id, index) => index >= detected || !acked.includes(id));
      assert.deepEqual(await remaining(), firstNeeded < 0 ? [] : ids.slice(firstNeeded));
    }),
    { numRuns: 200 },
  );
});

test('nothing is deleted while detection has no checkpoint or persist no group, and a shard without a log is left alone', async () => {
  const ids = await beginLog(5);
  await read(5);
  await redis.xack(STREAM, consumerGroups.persist, ...ids);
  await trimmer.trim([SHARD]);
  assert.deepEqual(await remaining(), ids);
  await detectAt(ids.at(-1) ?? '');
  await redis.xgroup('DESTROY', STREAM, consumerGroups.persist);
  await trimmer.trim([SHARD]);
  assert.deepEqual(await remaining(), ids);
  await redis.del(STREAM);
  await trimmer.trim([SHARD]);
  assert.equal(await redis.exists(STREAM), 0);
});

test('a checkpoint of a log that was longer does not delete what is not stored', async () => {
  const ids = await beginLog(4);
  await read(2);
  await redis.xack(STREAM, consumerGroups.persist, ids[0] ?? '');
  await detectAt('1890000000000-0');
  await trimmer.trim([SHARD]);
  assert.deepEqual(await remaining(), ids.slice(1));
});

test('what came a moment ago stays, whatever became of it: another worker may still have to read it', async () => {
  const ids = await beginLog(3);
  const recent = (await redis.xadd(STREAM, '*', 'pack', 'now')) ?? '';
  await read(4);
  await redis.xack(STREAM, consumerGroups.persist, ...ids, recent);
  await detectAt(recent);
  await trimmer.trim([SHARD]);
  assert.deepEqual(await remaining(), [recent]);
});

test('deleted entries are counted', async () => {
  const before = Number(/^log_trimmed_entries_total (\d+)$/m.exec(await registry.metrics())?.[1]);
  const ids = await beginLog(3);
  await read(3);
  await redis.xack(STREAM, consumerGroups.persist, ...ids);
  await detectAt(ids.at(-1) ?? '');
  await trimmer.trim([SHARD]);
  assert.match(await registry.metrics(), new RegExp(`^log_trimmed_entries_total ${before + 3}$`, 'm'));
});

/** As Redis says it: entries that the group has not read. */
async function readLag(stream = STREAM): Promise<unknown> {
  const [flat]: readonly unknown[] = (await redis.xinfo('GROUPS', stream)) as readonly unknown[];
  assert.ok(Array.isArray(flat));
  return flat[flat.indexOf('lag') + 1];
}

test('the lag of the group becomes what it is again, however wrong the count of a restarted Redis was', async () => {
  const history = fc.record({
    entries: fc.integer({ min: 0, max: 30 }),
    read: fc.integer({ min: 0, max: 30 }),
    acknowledge: fc.boolean(),
    believed: fc.integer({ min: 0, max: 30 }),
  });
  await fc.assert(
    fc.asyncProperty(history, async ({ entries, read: count, acknowledge, believed }) => {
      const ids = await beginLog(entries);
      const delivered = Math.min(count, entries);
      if (count > 0) await read(count);
      if (acknowledge && delivered > 0) await redis.xack(STREAM, consumerGroups.persist, ...ids.slice(0, delivered));
      const at = ids[delivered - 1] ?? '0-0';
      await redis.call(
        'XGROUP',
        'SETID',
        STREAM,
        consumerGroups.persist,
        at,
        'ENTRIESREAD',
        Math.min(believed, entries),
      );
      const wrong = await readLag();
      await trimmer.trim([SHARD]);
      if (delivered === entries) assert.equal(await readLag(), 0);
      // What is unread and small is left alone until all is read.
      else assert.equal(await readLag(), wrong);
      assert.equal((await redis.xpending(STREAM, consumerGroups.persist))[0], acknowledge ? 0 : delivered);
    }),
    { numRuns: 60 },
  );
});

test('a lag that is far too large is corrected while some entries are unread, and one that is right stays', async () => {
  const ids = await beginLog(1000);
  await read(950);
  await redis.call('XGROUP', 'SETID', STREAM, consumerGroups.persist, ids[949] ?? '', 'ENTRIESREAD', 5);
  assert.equal(await readLag(), 995);
  await trimmer.trim([SHARD]);
  assert.equal(await readLag(), 50);
  await redis.call('XGROUP', 'SETID', STREAM, consumerGroups.persist, ids[99] ?? '', 'ENTRIESREAD', 100);
  await trimmer.trim([SHARD]);
  assert.equal(await readLag(), 900);
});

test('the lag of the stored alerts is corrected as well', async () => {
  await redis.del(redisKeys.alerts);
  const group = consumerGroups.storeAlerts;
  await redis.xgroup('CREATE', redisKeys.alerts, group, '0', 'MKSTREAM');
  for (let at = 1; at <= 9; at += 1) await redis.xadd(redisKeys.alerts, `${at}-0`, 'transition', '{}');
  await redis.xreadgroup('GROUP', group, 'worker', 'STREAMS', redisKeys.alerts, '>');
  await redis.call('XGROUP', 'SETID', redisKeys.alerts, group, '9-0', 'ENTRIESREAD', 2);
  assert.equal(await readLag(redisKeys.alerts), 7);
  await trimmer.correctOthers();
  assert.equal(await readLag(redisKeys.alerts), 0);
});

test('alerts go when they are stored and old enough, and not before', async () => {
  await redis.del(redisKeys.alerts);
  await redis.xgroup('CREATE', redisKeys.alerts, consumerGroups.storeAlerts, '0', 'MKSTREAM');
  const now = Date.now();
  const ids = [now - 7200_000, now - 3700_000, now - 60_000].map((ms) => `${ms}-0`);
  for (const id of ids) await redis.xadd(redisKeys.alerts, id, 'transition', '{}');
  const left = async () => (await redis.xrange(redisKeys.alerts, '-', '+')).map(([id]) => id);
  await trimmer.trimAlerts(3_600_000);
  assert.deepEqual(await left(), ids);
  const group = ['GROUP', consumerGroups.storeAlerts, 'one'] as const;
  await redis.xreadgroup(...group, 'COUNT', 3, 'STREAMS', redisKeys.alerts, '>');
  await redis.xack(redisKeys.alerts, consumerGroups.storeAlerts, ids[0]!, ids[2]!);
  await trimmer.trimAlerts(3_600_000);
  assert.deepEqual(await left(), ids.slice(1));
  await redis.xack(redisKeys.alerts, consumerGroups.storeAlerts, ids[1]!);
  await trimmer.trimAlerts(86_400_000);
  assert.deepEqual(await left(), ids.slice(1));
  await trimmer.trimAlerts(3_600_000);
  assert.deepEqual(await left(), ids.slice(2));
});
