import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, beforeEach, test } from 'node:test';
import { Registry } from 'prom-client';
import { redisKeys, type LeaseTag } from '../../../contracts/redis-keys.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { openRedis, waitForRedis, type Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript } from '../../../platform/redis/script.ts';
import { Leases } from '../../../services/worker/lease/leases.ts';
import { createWorkerMetrics } from '../../../services/worker/metrics.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const log = createLogger('test', 'silent');
const TAGS: readonly LeaseTag[] = [0, 1, 2, 3, 4, 5, 6, 7, 'alerts', 'registry'];
/** A machine that pauses this long fails what holds leases over several checks. */
const LASTS_MS = 1500;

let server: TestRedis;
let redis: Redis;

before(async () => {
  server = await startRedis();
  redis = openRedis({ url: server.url, name: 'test', manner: 'patient' }, log);
  await waitForRedis(redis, 10_000);
  await redis.config('SET', 'appendfsync', 'no');
});
beforeEach(async () => {
  await redis.flushall();
});
after(async () => {
  redis.disconnect();
  await server[Symbol.asyncDispose]();
});

function worker(name: string, lastsMs = LASTS_MS): { readonly leases: Leases; readonly metrics: Registry } {
  const metrics = new Registry();
  const options = { worker: name, tags: TAGS, lastsMs };
  return { leases: new Leases(redis, options, { metrics: createWorkerMetrics(metrics), log }), metrics };
}

const heldBy = (leases: Leases): LeaseTag[] => TAGS.filter((tag) => leases.tokenOf(tag) !== undefined);
const tokensOf = (leases: Leases): number[] => TAGS.map((tag) => leases.tokenOf(tag) ?? 0);

async function checkInTurns(workers: readonly Leases[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (const leases of workers) await leases.check();
    await delay(20);
  }
}

test('a worker that is alone has all leases, and keeps them with their tokens', async () => {
  // Long enough for a machine that pauses between two checks.
  const lastsMs = 3000;
  const { leases } = worker('a', lastsMs);
  await leases.check();
  assert.deepEqual(heldBy(leases), TAGS);
  const tokens = tokensOf(leases);
  await delay(lastsMs / 2);
  await leases.check();
  await delay(lastsMs / 2 + 50);
  assert.deepEqual(tokensOf(leases), tokens);
});

test('a second worker gets its share after a while, and nobody has what the other one has', async () => {
  const [a, b] = [worker('a').leases, worker('b').leases];
  await a.check();
  await checkInTurns([b, a], 4);
  assert.equal(heldBy(a).length, 5);
  assert.equal(heldBy(b).length, 5);
  assert.deepEqual(new Set([...heldBy(a), ...heldBy(b)]), new Set(TAGS));
});

test('what a worker gives back is worked on by nobody for one check, so that it can finish', async () => {
  const [a, b] = [worker('a').leases, worker('b').leases];
  await a.check();
  await b.check();
  await a.check();
  assert.equal(heldBy(a).length, 5);
  await b.check();
  assert.deepEqual(heldBy(b), []);
  await a.check();
  await b.check();
  assert.equal(heldBy(b).length, 5);
});

test('what a worker releases is free at once', async () => {
  const [a, b] = [worker('a').leases, worker('b').leases];
  await a.check();
  await a.release();
  assert.deepEqual(heldBy(a), []);
  await b.check();
  assert.deepEqual(heldBy(b), TAGS);
});

test('the leases of a worker that died go to the one that is left when they run out, with newer tokens', async () => {
  const [a, b] = [worker('a').leases, worker('b').leases];
  await a.check();
  const before = tokensOf(a);
  await b.check();
  assert.deepEqual(heldBy(b), []);
  await delay(LASTS_MS + 20);
  await b.check();
  assert.deepEqual(heldBy(b), TAGS);
  for (const [index, token] of tokensOf(b).entries()) assert.ok(token > (before[index] ?? Infinity));
});

test('a worker that stood still knows at once that it has nothing any more, and says so', async () => {
  const { leases: a, metrics } = worker('a');
  await a.check();
  await delay(LASTS_MS + 10);
  assert.deepEqual(heldBy(a), []);
  await worker('b').leases.check();
  await a.check();
  assert.deepEqual(heldBy(a), []);
  const lost = await metrics.getSingleMetric('leases_lost_total')?.get();
  assert.equal(lost?.values[0]?.value, TAGS.length);
});

test('a lease that ran out gets a new token, also when nobody else has taken it', async () => {
  const { leases } = worker('a');
  await leases.check();
  const before = tokensOf(leases);
  await delay(LASTS_MS + 10);
  await leases.check();
  for (const [index, token] of tokensOf(leases).entries()) assert.ok(token > (before[index] ?? Infinity));
});

test('tokens go on growing when Redis loses everything', async () => {
  const { leases } = worker('a');
  await leases.check();
  const before = tokensOf(leases);
  await redis.flushall();
  await delay(5);
  await leases.check();
  for (const [index, token] of tokensOf(leases).entries()) assert.ok(token > (before[index] ?? Infinity));
});

test('a worker that listed itself and then died keeps no lease from being taken', async () => {
  const [a, b] = [worker('a').leases, worker('b').leases];
  await redis.zadd(redisKeys.workers, Date.now(), 'dead', Date.now(), 'dead too');
  await checkInTurns([a, b], 30);
  await delay(LASTS_MS);
  await checkInTurns([a, b], 4);
  assert.deepEqual(new Set([...heldBy(a), ...heldBy(b)]), new Set(TAGS));
});

test('however workers stand still, start and stop, no two have one lease, and its tokens only grow', async () => {
  const lastsMs = 120;
  const names = ['a', 'b', 'c'];
  const workers = names.map((name) => worker(name, lastsMs).leases);
  const stopAtMs = performance.now() + 6000;
  const highest = new Map<LeaseTag, { readonly token: number; readonly owner: number }>();
  let changes = 0;
  const look = (): void => {
    for (const tag of TAGS) {
      const owners = workers.flatMap((leases, owner) => {
        const token = leases.tokenOf(tag);
        return token === undefined ? [] : [{ owner, token }];
      });
      assert.ok(owners.length <= 1, `${tag} is held by ${owners.length} workers`);
      const [now] = owners;
      const before = highest.get(tag);
      if (now === undefined) continue;
      if (before !== undefined) assert.ok(now.token >= before.token, `the token of ${tag} went back`);
      if (before?.owner === now.owner && before.token === now.token) continue;
      if (before !== undefined) assert.ok(now.token > before.token, `${tag} changed hands under one token`);
      highest.set(tag, now);
      changes += 1;
    }
  };
  const live = async (leases: Leases): Promise<void> => {
    while (performance.now() < stopAtMs) {
      const fate = Math.random();
      if (fate < 0.05) await leases.release();
      else if (fate < 0.15) await delay(lastsMs * 1.5);
      else await leases.check();
      await delay(Math.random() * leases.checkEveryMs);
    }
  };
  const watch = async (): Promise<void> => {
    while (performance.now() < stopAtMs) {
      look();
      await delay(1);
    }
  };
  await Promise.all([...workers.map(live), watch()]);
  assert.ok(changes > 3 * TAGS.length, `${changes} changes of hands`);
});

test('leases are taken, kept and taken over while Redis is full', async () => {
  const [a, b] = [worker('a').leases, worker('b').leases];
  await redis.config('SET', 'maxmemory', '1');
  try {
    await a.check();
    assert.deepEqual(heldBy(a), TAGS);
    await delay(LASTS_MS + 20);
    await b.check();
    assert.deepEqual(heldBy(b), TAGS);
    await b.release();
  } finally {
    await redis.config('SET', 'maxmemory', '0');
  }
});

test('a lease that seems to last for hours, because the clock of Redis was set back, is taken', async () => {
  const { leases } = worker('a');
  await redis.hset(redisKeys.lease(0), { owner: 'dead', token: '5', until: String(Date.now() + 3_600_000) });
  await leases.check();
  assert.deepEqual(heldBy(leases), TAGS);
});

test('a lease that is given back late does not end the one that the same worker has taken since', async () => {
  const url = new URL('../../../services/worker/lease/leases.ts', import.meta.url).href;
  const lease = defineScript(redis, 'testLease', 'lease.lua', url);
  const ask = async (...asked: readonly [number, number | '']): Promise<number> =>
    Number(await lease([redisKeys.lease(3)], ['a', ...asked]));
  const first = await ask(LASTS_MS, 0);
  await ask(0, first);
  const second = await ask(LASTS_MS, 0);
  assert.ok(second > first);
  await ask(0, first);
  assert.equal(await ask(LASTS_MS, ''), second);
  // Nor when it comes only after the worker has taken the lease anew.
  const third = await ask(LASTS_MS, 0);
  assert.ok(third > second);
  await ask(0, second);
  assert.equal(await ask(LASTS_MS, ''), third);
  await ask(0, third);
  assert.equal(await ask(LASTS_MS, ''), 0);
});
