import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publishedTransitionSchema } from '../../../contracts/alert-transition.ts';
import { redisChannels, redisKeys } from '../../../contracts/redis-keys.ts';
import { parseTrigger, TRIGGER_FIELD } from '../../../contracts/trigger.ts';
import { appendPack, numberReading } from '../../support/admitted-packs.ts';
import { countTriggers, createAssociating, projectQuorum, quorumRule } from '../../support/associating.ts';
import {
  createDetecting,
  describeTransitions,
  projectRule,
  readTransitions,
  thresholdRule,
} from '../../support/detecting.ts';
import { eventually } from '../../support/eventually.ts';
import { EVERY_SHARD } from '../../support/held.ts';
import { openWorkerStores, type WorkerStores } from '../../support/worker-stores.ts';

const nowUs = (): number => Date.now() * 1000;

const startDetecting = (stores: WorkerStores) =>
  createDetecting({ reader: stores.openRedis('test-detect'), redis: stores.redis });
const startAssociating = (stores: WorkerStores) =>
  createAssociating({ reader: stores.openRedis('test-associate'), redis: stores.redis });

async function shake(stores: WorkerStores, devices: readonly number[], timeUs: number, value = 99): Promise<void> {
  for (const index of devices) {
    await appendPack(stores.redis, { device: `dev-${index}`, readings: [numberReading('x', timeUs + index, value)] });
  }
}

test('triggers that a stopped pass has not looked at are looked at by the next one', async () => {
  await using stores = await openWorkerStores();
  await projectQuorum(stores.redis, 5);
  await shake(stores, [0, 1, 2], nowUs());
  await startDetecting(stores).loop.pass(EVERY_SHARD);
  const stopped = startAssociating(stores);
  await stopped.pass(1, AbortSignal.abort());
  await stopped.checkpoint();
  assert.deepEqual(await describeTransitions(stores.redis), []);
  await startAssociating(stores).pass(2);
  assert.equal((await readTransitions(stores.redis)).length, 1);
});

test('what several devices find is one alert with its evidence, and clears when they have been quiet', async () => {
  await using stores = await openWorkerStores();
  await projectQuorum(stores.redis, 5);
  const subscriber = stores.openSubscriber('test-subscriber');
  const frames: string[] = [];
  subscriber.on('message', (_channel, frame) => frames.push(frame));
  await subscriber.subscribe(redisChannels.alerts);
  const { loop } = startDetecting(stores);
  const associate = startAssociating(stores);
  const startUs = nowUs();

  await shake(stores, [0, 1], startUs);
  await loop.pass(EVERY_SHARD);
  await associate.pass(1);
  assert.equal(await countTriggers(stores.redis), 2);
  assert.deepEqual(await describeTransitions(stores.redis), [], 'a rule that emits triggers alerts nobody');

  await shake(stores, [2], startUs);
  await loop.pass(EVERY_SHARD);
  await associate.pass(1);
  const [raised] = await readTransitions(stores.redis);
  assert.ok(raised !== undefined);
  const { transition } = raised;
  const [[first] = []] = await stores.redis.xrange(redisKeys.triggers, '-', '+');
  assert.deepEqual(
    [transition.rule, transition.rule_kind, transition.subject, transition.kind, transition.version],
    ['shaken-city', 'quorum', first, 'raised', 1],
  );
  assert.deepEqual([transition.severity, transition.status, transition.zones], ['Severe', 'Test', ['budapest']]);
  assert.equal(transition.evidence.measure, 3);
  assert.equal(transition.evidence.rule_version, 2);
  assert.deepEqual(
    transition.evidence.readings.map(({ device, time_us: timeUs, value }) => [device, timeUs, value]),
    [0, 1, 2].map((index) => [`dev-${index}`, startUs + index, 99]),
  );

  await eventually(async () => {
    await associate.pass(1);
    assert.deepEqual(
      (await readTransitions(stores.redis)).map(({ transition: { kind, version } }) => `${kind} ${version}`),
      ['raised 1', 'cleared 2'],
    );
  }, 10_000);
  await eventually(() => assert.equal(frames.length, 2));
  for (const frame of frames) publishedTransitionSchema.parse(JSON.parse(frame));
});

test('a log that is evaluated again gives no trigger twice, and triggers that are taken again no alert twice', async () => {
  await using stores = await openWorkerStores();
  await projectQuorum(stores.redis, 4);
  await shake(stores, [0, 1, 2, 3], nowUs());
  for (let worker = 0; worker < 3; worker += 1) {
    // None of them lives to write a checkpoint after its first entries.
    const { loop } = startDetecting(stores);
    await loop.pass(EVERY_SHARD);
    await stores.redis.del(...Array.from(EVERY_SHARD.keys(), (shard) => redisKeys.detect(shard)));
    await startAssociating(stores).pass(1);
    await stores.redis.del(redisKeys.associate);
  }
  assert.equal(await countTriggers(stores.redis), 4);
  assert.equal((await describeTransitions(stores.redis)).length, 1);
});

test('another worker goes on where the last one stood, and that one can say nothing more', async () => {
  await using stores = await openWorkerStores();
  await projectQuorum(stores.redis, 5);
  const { loop } = startDetecting(stores);
  const before = startAssociating(stores);
  const startUs = nowUs();
  await shake(stores, [0, 1], startUs);
  await loop.pass(EVERY_SHARD);
  await before.pass(1);
  await before.checkpoint();
  const after = startAssociating(stores);
  await after.pass(2);
  await shake(stores, [2], startUs);
  await loop.pass(EVERY_SHARD);
  await assert.rejects(before.pass(1), /another worker/);
  assert.deepEqual(await describeTransitions(stores.redis), []);
  await after.pass(2);
  assert.equal((await describeTransitions(stores.redis)).length, 1, 'two votes of before and one of now');
});

test('a trigger says where its device is, whose it is and how strong it was; a device without a position has no vote', async () => {
  await using stores = await openWorkerStores();
  await projectQuorum(stores.redis, 2);
  const { loop } = startDetecting(stores);
  const startUs = nowUs();
  await stores.redis.hset(
    redisKeys.devices,
    'dev-1',
    ((await stores.redis.hget(redisKeys.devices, 'dev-1')) ?? '').replace(/"position":\{[^}]*\}/, '"position":null'),
  );
  await shake(stores, [0, 1], startUs);
  await loop.pass(EVERY_SHARD);
  const entries = await stores.redis.xrange(redisKeys.triggers, '-', '+');
  assert.equal(entries.length, 1);
  const [id, [field, json]] = entries[0] ?? ['', ['', '']];
  assert.equal(field, TRIGGER_FIELD);
  const logged = parseTrigger(id, json ?? '');
  assert.deepEqual(logged?.news, {
    kind: 'raised',
    trigger: {
      id,
      rule: 'shaken',
      device: 'dev-0',
      site: null,
      owner: 'owner-0',
      position: { lat: 47.5, lon: 19 },
      zones: ['budapest'],
      status: 'Actual',
      metric: 'x',
      onsetUs: startUs,
      peak: 99,
    },
  });
});

test('devices that are online and silent keep a quorum from being reached, and those that nobody has heard do not', async () => {
  await using stores = await openWorkerStores();
  await projectQuorum(stores.redis, 9, { fraction: 0.5, window_s: 5, clear_after_s: 60 });
  const { loop } = startDetecting(stores);
  const associate = startAssociating(stores);
  const startUs = nowUs();
  // Between the first and the third of those that shake, twice, so that their period is known, and after the shaking.
  const silent = [1, 2, 3, 5, 6];
  for (const delayUs of [-1e6, 0, 2e6]) await shake(stores, silent, startUs + delayUs, 0);
  await shake(stores, [0, 4, 7], startUs);
  await loop.pass(EVERY_SHARD);
  await loop.checkpoint();
  await associate.pass(1);
  assert.deepEqual(await describeTransitions(stores.redis), []);
  await stores.redis.del(...Array.from(EVERY_SHARD.keys(), (shard) => redisKeys.heard(shard)));
  const other = startAssociating(stores);
  await stores.redis.del(redisKeys.associate);
  await other.pass(2);
  assert.equal((await describeTransitions(stores.redis)).length, 1);
});

test('a rule that begins to emit triggers, a trigger that cannot be read and a rule that is gone break nothing', async () => {
  await using stores = await openWorkerStores();
  await projectQuorum(stores.redis, 4);
  const { loop, view } = startDetecting(stores);
  const associate = startAssociating(stores);
  await stores.redis.xadd(redisKeys.triggers, '*', TRIGGER_FIELD, 'no trigger');
  await stores.redis.xadd(redisKeys.triggers, '*', 'other', '{}');
  await projectRule(stores.redis, thresholdRule({ id: 'shaken' }));
  await shake(stores, [0], nowUs());
  await loop.pass(EVERY_SHARD);
  assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-0 1']);
  await projectRule(stores.redis, thresholdRule({ id: 'shaken', emits: 'trigger' }));
  view.clear();
  await shake(stores, [1, 2, 3], nowUs());
  await loop.pass(EVERY_SHARD);
  await associate.pass(1);
  const told = await describeTransitions(stores.redis);
  assert.equal(told.length, 2);
  assert.match(told[1] ?? '', /^raised \d+-\d+ 1$/);
});

test('an alert whose rule is switched off, or that no checkpoint knows, is cancelled', async () => {
  await using stores = await openWorkerStores();
  await projectQuorum(stores.redis, 6, { clear_after_s: 60 });
  const { loop } = startDetecting(stores);
  await shake(stores, [0, 1, 2], nowUs());
  await loop.pass(EVERY_SHARD);
  await startAssociating(stores).pass(1);
  // What it knew is gone, and so is what it had heard.
  await stores.redis.del(redisKeys.associate, redisKeys.triggers);
  const second = startAssociating(stores);
  await second.pass(2);
  const kindsTold = async () => (await readTransitions(stores.redis)).map(({ transition: { kind } }) => kind);
  assert.deepEqual(await kindsTold(), ['raised', 'cancelled']);
  await shake(stores, [3, 4, 5], nowUs());
  await loop.pass(EVERY_SHARD);
  await second.pass(2);
  await second.checkpoint();
  await projectRule(stores.redis, quorumRule({ clear_after_s: 60, enabled: false }));
  await startAssociating(stores).pass(3);
  assert.deepEqual(await kindsTold(), ['raised', 'cancelled', 'raised', 'cancelled']);
});

test('a damaged state keeps nobody from associating', async () => {
  await using stores = await openWorkerStores();
  await projectQuorum(stores.redis, 3);
  await stores.redis.hset(redisKeys.associate, 'state:shaken-city', '{"open":null}');
  await stores.redis.hset(redisKeys.heard(0), 'shaken|dev-9', 'nothing');
  const { loop } = startDetecting(stores);
  await stores.redis.hset(redisKeys.detect(1), 'state:shaken|dev-1', '{"kind":"threshold"}');
  await shake(stores, [0, 1, 2], nowUs());
  await loop.pass(EVERY_SHARD);
  await startAssociating(stores).pass(1);
  assert.equal((await describeTransitions(stores.redis)).length, 1);
});

test('rules that are read while they change are read again', async () => {
  await using stores = await openWorkerStores();
  const { view } = startDetecting(stores);
  const reading = view.rules();
  await projectRule(stores.redis, quorumRule());
  view.clear();
  await reading;
  assert.equal((await view.rules()).quorums.length, 1);
});
