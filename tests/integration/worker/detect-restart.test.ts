import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ADMITTED_PACK_FIELD } from '../../../contracts/admitted-pack.ts';
import type { Transition } from '../../../contracts/alert-transition.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { appendPack, encodePack, numberReading, type DevicePack } from '../../support/admitted-packs.ts';
import {
  createDetecting,
  describeTransitions,
  projectDevice,
  projectRule,
  rateRule,
  readTransitions,
  thresholdRule,
} from '../../support/detecting.ts';
import { eventually } from '../../support/eventually.ts';
import { openWorkerStores, SHARD_COUNT } from '../../support/worker-stores.ts';
import { EVERY_SHARD } from '../../support/held.ts';

const LATE_US = 60_000_000;
const DEVICES = ['dev-1', 'dev-2', 'dev-3'];
const RULES = [
  thresholdRule(),
  thresholdRule({ id: 'held', duration_s: 0.02, clear_after_s: 0.03 }),
  thresholdRule({ id: 'swing', when: 'beyond', limit: 8, clear_limit: 8 }),
  rateRule({ when: 'beyond', limit: 40, clear_limit: 20, duration_s: 0.01 }),
];

interface Cut {
  /** Before which entry. */
  readonly at: number;
  /** In order, with a last checkpoint; else the detector dies with what it had not written. */
  readonly orderly: boolean;
}

interface Step {
  readonly metric: string;
  readonly stepMs: number;
  readonly value: number;
}

interface Steps {
  readonly device: string;
  readonly readings: readonly Step[];
}

const pack: fc.Arbitrary<Steps> = fc.record({
  device: fc.constantFrom(...DEVICES),
  readings: fc.array(
    fc.record({
      metric: fc.constantFrom('x', 'y', 'z'),
      stepMs: fc.integer({ min: -5, max: 20 }),
      value: fc.constantFrom(-12, 0, 7, 9, 12),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});
const input = fc.record({
  packs: fc.array(pack, { minLength: 4, maxLength: 60 }),
  cuts: fc.array(fc.record({ at: fc.nat(60), orderly: fc.boolean() }), { minLength: 1, maxLength: 6 }),
});

interface Entry {
  readonly id: string;
  readonly pack: DevicePack;
}

/** Steps become times that mostly grow, some of them backwards, all of them recent. */
function entriesOf(packs: readonly Steps[]): readonly Entry[] {
  const baseMs = Date.now() - 20_000;
  let timeMs = baseMs;
  return packs.map(({ device, readings }, index) => ({
    id: `${baseMs}-${index + 1}`,
    pack: {
      device,
      readings: readings.map(({ metric, stepMs, value }) => numberReading(metric, (timeMs += stepMs) * 1000, value)),
    },
  }));
}

async function detect(
  connections: { readonly reader: Redis; readonly redis: Redis },
  entries: readonly Entry[],
  cuts: readonly Cut[],
): Promise<readonly Omit<Transition, 'decided_us'>[]> {
  const { redis } = connections;
  await redis.flushall();
  for (const rule of RULES) await projectRule(redis, rule);
  for (const device of DEVICES) await projectDevice(redis, device);
  let from = 0;
  const ends = [...cuts, { at: entries.length, orderly: true }].sort((a, b) => a.at - b.at);
  for (const { at, orderly } of ends) {
    const { loop } = createDetecting(connections);
    const segment = entries.slice(from, at);
    const appends = redis.pipeline();
    for (const { id, pack: devicePack } of segment) {
      const stream = redisKeys.readings(shardOf(devicePack.device, SHARD_COUNT));
      appends.xadd(stream, id, ADMITTED_PACK_FIELD, encodePack(devicePack));
    }
    await appends.exec();
    from = Math.max(from, at);
    if (segment.length > 0) await loop.pass(EVERY_SHARD);
    if (orderly) await loop.checkpoint();
  }
  const logged = await readTransitions(redis);
  const transitions = logged.map(({ transition: { decided_us: _decidedUs, ...transition } }) => transition);
  // Shards have no order among each other.
  return DEVICES.flatMap((device) => transitions.filter(({ subject }) => subject === device));
}

test('a detector that is stopped or killed between any two entries and made anew misses and repeats nothing', async () => {
  await using stores = await openWorkerStores();
  const connections = { reader: stores.openRedis('test-detect'), redis: stores.redis };
  let transitions = 0;
  await fc.assert(
    fc.asyncProperty(input, async ({ packs, cuts }) => {
      const entries = entriesOf(packs);
      const uncut = await detect(connections, entries, []);
      transitions += uncut.length;
      assert.deepEqual(await detect(connections, entries, cuts), uncut);
    }),
    { numRuns: 50 },
  );
  assert.ok(transitions > 100);
});

for (const { what, beforeTheCheckpoint, beforeTheKill, afterwards, expected } of [
  {
    what: 'an alert that was cleared just before a kill can be raised again long after it',
    beforeTheCheckpoint: 99,
    beforeTheKill: 0,
    afterwards: 99,
    expected: ['raised dev-1 1', 'cleared dev-1 2', 'raised dev-1 1'],
  },
  {
    what: 'an alert that was raised just before a kill is cleared long after it',
    beforeTheCheckpoint: 0,
    beforeTheKill: 99,
    afterwards: 0,
    expected: ['raised dev-1 1', 'cleared dev-1 2'],
  },
]) {
  test(what, async () => {
    await using stores = await openWorkerStores();
    await projectRule(stores.redis, thresholdRule());
    await projectDevice(stores.redis, 'dev-1');
    const connections = { reader: stores.openRedis('test-detect'), redis: stores.redis };
    const { loop } = createDetecting(connections);
    const startUs = Date.now() * 1000 - LATE_US + 1_000_000;
    let timeUs = startUs;
    const send = (value: number) =>
      appendPack(stores.redis, { device: 'dev-1', readings: [numberReading('x', (timeUs += 1), value)] });
    await send(beforeTheCheckpoint);
    await loop.pass(EVERY_SHARD);
    await loop.checkpoint();
    await send(beforeTheKill);
    await loop.pass(EVERY_SHARD);
    assert.deepEqual(await describeTransitions(stores.redis), expected.slice(0, -1));

    // What the next detector reads again is late by then and is not evaluated.
    await eventually(() => assert.ok(Date.now() * 1000 > timeUs + LATE_US, 'the readings are not late yet'));
    const next = createDetecting(connections);
    timeUs = Date.now() * 1000;
    await send(afterwards);
    await next.loop.pass(EVERY_SHARD);
    assert.deepEqual(await describeTransitions(stores.redis), expected);
  });
}

test('an alert that could not go out goes out as soon as it can', async () => {
  await using stores = await openWorkerStores();
  await projectRule(stores.redis, thresholdRule());
  await projectDevice(stores.redis, 'dev-1');
  const { loop } = createDetecting({ reader: stores.openRedis('test-detect'), redis: stores.redis });
  const startUs = Date.now() * 1000;
  await appendPack(stores.redis, { device: 'dev-1', readings: [numberReading('x', startUs, 0)] });
  await loop.pass(EVERY_SHARD);
  await stores.redis.set(redisKeys.alerts, 'no stream');
  await appendPack(stores.redis, { device: 'dev-1', readings: [numberReading('x', startUs + 1, 99)] });
  await assert.rejects(loop.pass(EVERY_SHARD), /WRONGTYPE/);
  await stores.redis.del(redisKeys.alerts);
  await loop.pass(EVERY_SHARD);
  assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1']);
});

test('a detector whose Redis fails in the middle goes on where it was', async () => {
  await using stores = await openWorkerStores();
  await projectRule(stores.redis, thresholdRule());
  await projectDevice(stores.redis, 'dev-1');
  const { loop } = createDetecting({ reader: stores.openRedis('test-detect'), redis: stores.redis });
  const startUs = Date.now() * 1000;
  const send = (index: number, value: number) =>
    appendPack(stores.redis, { device: 'dev-1', readings: [numberReading('x', startUs + index, value)] });
  await send(0, 99);
  await loop.pass(EVERY_SHARD);
  await send(1, 0);
  await send(2, 99);
  await stores.server.kill9();
  await assert.rejects(loop.pass(EVERY_SHARD));
  await stores.server.restart();
  await eventually(async () => {
    await loop.pass(EVERY_SHARD);
    assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1', 'cleared dev-1 2', 'raised dev-1 1']);
  });
});

test('an alert that Redis has lost again before the checkpoint goes out once more, and one that is there does not', async () => {
  await using stores = await openWorkerStores();
  await projectRule(stores.redis, thresholdRule());
  for (const device of DEVICES) await projectDevice(stores.redis, device);
  const { loop } = createDetecting({ reader: stores.openRedis('test-detect'), redis: stores.redis });
  let timeUs = Date.now() * 1000;
  const send = async (device: string, value: number): Promise<void> => {
    await appendPack(stores.redis, { device, readings: [numberReading('x', (timeUs += 1), value)] });
    await loop.pass(EVERY_SHARD);
  };
  await send('dev-1', 0);
  await send('dev-1', 99);
  assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1']);
  const [first] = await readTransitions(stores.redis);

  await stores.redis.del(redisKeys.alerts, redisKeys.alertState);
  await assert.rejects(loop.checkpoint(), /have gone back/);
  await assert.rejects(loop.checkpoint(), /were lost since/);
  await loop.pass(EVERY_SHARD);
  assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1']);
  const [again] = await readTransitions(stores.redis);
  assert.equal(again?.transition.alert_id, first?.transition.alert_id);
  await loop.checkpoint();
  await send('dev-1', 0);
  assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1', 'cleared dev-1 2']);
});
