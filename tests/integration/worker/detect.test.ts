import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { publishedTransitionSchema } from '../../../contracts/alert-transition.ts';
import { redisChannels, redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import { ruleSchema } from '../../../core/detection/rule.ts';
import { RegistryWatch } from '../../../platform/redis/registry-watch.ts';
import { appendEntry, appendPack, metricName, numberReading } from '../../support/admitted-packs.ts';
import {
  createDetecting,
  describeTransitions,
  projectDevice,
  projectRule,
  readTransitions,
  rateRule,
  thresholdRule,
  type Detecting,
} from '../../support/detecting.ts';
import { eventually } from '../../support/eventually.ts';
import { openWorkerStores, SHARD_COUNT, type WorkerStores } from '../../support/worker-stores.ts';
import { EVERY_SHARD, TOKEN } from '../../support/held.ts';

const LATE_US = 60_000_000;
const nowUs = (): number => Date.now() * 1000;

/** Aborted from this look at it on: in the middle of a pass, always at the same place. */
function stoppedAtLook(look: number): AbortSignal {
  const { signal } = new AbortController();
  let looks = 0;
  Object.defineProperty(signal, 'aborted', { get: () => (looks += 1) >= look });
  return signal;
}

function startDetecting(stores: WorkerStores): Detecting {
  return createDetecting({ reader: stores.openRedis('test-detect'), redis: stores.redis });
}

test('a pass that is told to stop looks at nothing more, and the next one at all that is left', async () => {
  await using stores = await openWorkerStores();
  await projectRule(stores.redis, thresholdRule());
  await projectDevice(stores.redis, 'dev-1');
  const stopped = startDetecting(stores).loop;
  for (const [index, value] of [11, 4, 12].entries()) {
    await appendPack(stores.redis, { device: 'dev-1', readings: [numberReading('x', nowUs() + index, value)] });
  }
  await stopped.pass(EVERY_SHARD, AbortSignal.abort());
  await stopped.checkpoint();
  assert.deepEqual(await describeTransitions(stores.redis), []);
  await startDetecting(stores).loop.pass(EVERY_SHARD);
  assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1', 'cleared dev-1 2', 'raised dev-1 1']);
});

test('a pass that is stopped between two entries keeps what it knows up to there', async () => {
  await using stores = await openWorkerStores();
  await projectRule(stores.redis, thresholdRule());
  await projectDevice(stores.redis, 'dev-1');
  const shard = shardOf('dev-1', SHARD_COUNT);
  for (const [index, value] of [11, 12, 4, 13].entries()) {
    await appendPack(stores.redis, { device: 'dev-1', readings: [numberReading('x', nowUs() + index, value)] });
  }
  const stopped = startDetecting(stores).loop;
  await stopped.pass(new Map([[shard, TOKEN]]), stoppedAtLook(3));
  await stopped.checkpoint();
  assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1']);
  await startDetecting(stores).loop.pass(EVERY_SHARD);
  assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1', 'cleared dev-1 2', 'raised dev-1 1']);
});

test('a pass that is stopped calls nobody silent whose entries it has not looked at', async () => {
  await using stores = await openWorkerStores();
  const { id, version, severity, status, headline } = thresholdRule({ id: 'silent' });
  const absence = { kind: 'absence', absent_s: 2, scope: { metrics: ['x'] }, id, version, severity, status, headline };
  await projectRule(stores.redis, ruleSchema.parse(absence));
  await projectDevice(stores.redis, 'dev-1');
  const { loop } = startDetecting(stores);
  const append = () => appendPack(stores.redis, { device: 'dev-1', readings: [numberReading('x', nowUs(), 1)] });
  await append();
  await loop.pass(EVERY_SHARD);
  await append();
  await delay(4000);
  await loop.pass(EVERY_SHARD, AbortSignal.abort());
  assert.deepEqual(await describeTransitions(stores.redis), []);
  // It has been silent since, and the rule says so once all entries are looked at.
  await loop.pass(EVERY_SHARD);
  assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1']);
});

test('a reading beyond the limit raises an alert and one below the second limit clears it, as frames and in the stream', async () => {
  await using stores = await openWorkerStores();
  await projectRule(stores.redis, thresholdRule());
  await projectDevice(stores.redis, 'dev-1');
  const subscriber = stores.openSubscriber('test-subscriber');
  const frames: string[] = [];
  subscriber.on('message', (_channel, frame) => frames.push(frame));
  await subscriber.subscribe(redisChannels.alerts);
  const { loop } = startDetecting(stores);

  const startUs = nowUs();
  const values = [1, 10, 10.5, 20, 7, 5.1, 5, 4];
  for (const [index, value] of values.entries()) {
    await appendPack(stores.redis, { device: 'dev-1', readings: [numberReading('x', startUs + index, value)] });
  }
  await loop.pass(EVERY_SHARD);

  const logged = await readTransitions(stores.redis);
  const [raised, cleared] = logged.map(({ transition }) => transition);
  assert.equal(logged.length, 2);
  assert.deepEqual([raised?.kind, raised?.version, raised?.at_us], ['raised', 1, startUs + 2]);
  assert.deepEqual([cleared?.kind, cleared?.version, cleared?.at_us], ['cleared', 2, startUs + 6]);
  assert.equal(raised?.alert_id, cleared?.alert_id);
  assert.deepEqual(raised?.position, { lat: 47.5, lon: 19.04 });
  assert.deepEqual(raised.zones, ['budapest']);
  assert.equal(raised.status, 'Test');
  assert.deepEqual(raised.evidence, {
    rule_version: 1,
    limit: 10,
    readings: [{ device: 'dev-1', metric: 'x', time_us: startUs + 2, value: 10.5 }],
  });
  await eventually(() => assert.equal(frames.length, 2));
  assert.deepEqual(
    frames.map((frame) => publishedTransitionSchema.parse(JSON.parse(frame))),
    logged.map(({ cursor, transition }, index) => ({
      type: 'alert',
      cursor,
      previous: logged[index - 1]?.cursor ?? '0-0',
      ...transition,
    })),
  );
});

test('a fast rise raises an alert that says how fast, of which two readings, and a slow one clears it', async () => {
  await using stores = await openWorkerStores();
  await projectRule(stores.redis, rateRule());
  await projectDevice(stores.redis, 'dev-1');
  const { loop } = startDetecting(stores);
  const startUs = nowUs() - 1_000_000;
  const samples = [
    [0, 1],
    [50_000, 1.5],
    [100_000, 1.8],
    [200_000, 3.3],
    [300_000, 3.6],
  ] as const;
  for (const [afterUs, value] of samples) {
    await appendPack(stores.redis, { device: 'dev-1', readings: [numberReading('x', startUs + afterUs, value)] });
  }
  await loop.pass(EVERY_SHARD);
  assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1', 'cleared dev-1 2']);
  const [raised] = await readTransitions(stores.redis);
  assert.deepEqual(raised?.transition.rule_kind, 'rate');
  assert.deepEqual(raised.transition.evidence, {
    rule_version: 1,
    limit: 10,
    measure: (3.3 - 1.8) / 0.1,
    readings: [
      { device: 'dev-1', metric: 'x', time_us: startUs + 100_000, value: 1.8 },
      { device: 'dev-1', metric: 'x', time_us: startUs + 200_000, value: 3.3 },
    ],
  });
});

test('a rule that this version cannot read keeps no other from being evaluated', async () => {
  await using stores = await openWorkerStores();
  await projectRule(stores.redis, thresholdRule());
  await stores.redis.hset(redisKeys.rules, 'of-later', JSON.stringify({ ...thresholdRule(), kind: 'of-later' }));
  await projectDevice(stores.redis, 'dev-1');
  const { loop } = startDetecting(stores);
  await appendPack(stores.redis, { device: 'dev-1', readings: [numberReading('x', nowUs(), 99)] });
  await loop.pass(EVERY_SHARD);
  assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1']);
});

test('a device without a position, in no zone, raises alerts too', async () => {
  await using stores = await openWorkerStores();
  await projectRule(stores.redis, thresholdRule());
  await projectDevice(stores.redis, 'dev-1', { position: null, zones: [] });
  await appendPack(stores.redis, { device: 'dev-1', readings: [numberReading('x', nowUs(), 11)] });
  await startDetecting(stores).loop.pass(EVERY_SHARD);
  const [logged] = await readTransitions(stores.redis);
  assert.equal(logged?.transition.position, null);
});

test('late readings and readings older than the newest raise nothing', async () => {
  await using stores = await openWorkerStores();
  await projectRule(stores.redis, thresholdRule());
  await projectDevice(stores.redis, 'dev-1');
  await projectDevice(stores.redis, 'dev-2');
  const startUs = nowUs();
  await appendPack(stores.redis, {
    device: 'dev-1',
    readings: [numberReading('x', startUs - LATE_US - 1_000_000, 99), numberReading('x', startUs, 1)],
  });
  await appendPack(stores.redis, {
    device: 'dev-1',
    readings: [numberReading('x', startUs - 1, 99), numberReading('x', startUs, 99)],
  });
  await appendPack(stores.redis, {
    device: 'dev-2',
    readings: [numberReading('x', startUs - LATE_US - 1, 99)],
    receivedUs: startUs - LATE_US,
  });
  const { loop } = startDetecting(stores);
  await loop.pass(EVERY_SHARD);
  assert.deepEqual(await describeTransitions(stores.redis), []);
  await appendPack(stores.redis, { device: 'dev-1', readings: [numberReading('x', startUs + 1, 99)] });
  await loop.pass(EVERY_SHARD);
  assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1']);
});

test('within a pack readings are evaluated by their times, whatever their order', async () => {
  await using stores = await openWorkerStores();
  await projectRule(stores.redis, thresholdRule());
  await projectDevice(stores.redis, 'dev-1');
  const startUs = nowUs();
  await appendPack(stores.redis, {
    device: 'dev-1',
    readings: [numberReading('x', startUs, 1), numberReading('x', startUs - 1, 1), numberReading('x', startUs - 2, 99)],
  });
  const { loop } = startDetecting(stores);
  await loop.pass(EVERY_SHARD);
  assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1', 'cleared dev-1 2']);
});

test('text, booleans, sums, unreadable entries and unknown devices are passed over', async () => {
  await using stores = await openWorkerStores();
  await projectRule(stores.redis, thresholdRule({ scope: { metrics: ['x', 'constructor'] } }));
  await projectDevice(stores.redis, 'dev-1');
  const startUs = nowUs();
  await appendEntry(stores.redis, shardOf('dev-1', SHARD_COUNT), 'not a pack');
  await appendPack(stores.redis, { device: 'stranger', readings: [numberReading('x', startUs, 99)] });
  await appendPack(stores.redis, {
    device: 'dev-1',
    readings: [
      { metric: metricName('x'), timeUs: startUs, value: '99' },
      { metric: metricName('x'), timeUs: startUs + 1, value: true },
      { metric: metricName('x'), timeUs: startUs + 2, sum: 99 },
      numberReading('constructor', startUs + 3, 99),
    ],
  });
  await startDetecting(stores).loop.pass(EVERY_SHARD);
  assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1']);
});

test('a changed rule, a changed device and a new device take effect while detection runs', async () => {
  await using stores = await openWorkerStores();
  await projectRule(stores.redis, thresholdRule({ limit: 100, clear_limit: 50 }));
  await projectDevice(stores.redis, 'dev-1', { zones: [] });
  const { loop, view } = startDetecting(stores);
  const subscriber = stores.openSubscriber('test-subscriber');
  const watch = new RegistryWatch({ redis: stores.redis, subscriber, onChange: () => view.clear(), log: stores.log });
  await watch.start();
  let timeUs = nowUs();
  const send = async (device: string, value: number): Promise<readonly string[]> => {
    await appendPack(stores.redis, { device, readings: [numberReading('x', (timeUs += 1), value)] });
    await loop.pass(EVERY_SHARD);
    return await describeTransitions(stores.redis);
  };
  const announce = async (version: string): Promise<void> => {
    await stores.redis.set(redisKeys.registryVersion, version);
    await stores.redis.publish(redisChannels.registryChanged, version);
  };
  try {
    assert.deepEqual(await send('dev-1', 20), []);
    await projectRule(stores.redis, thresholdRule({ version: 2 }));
    await announce('2');
    await eventually(async () => assert.deepEqual(await send('dev-1', 20), ['raised dev-1 1']));
    assert.equal((await readTransitions(stores.redis))[0]?.transition.evidence.rule_version, 2);

    await projectRule(stores.redis, thresholdRule({ version: 3, scope: { metrics: ['x'], zones: ['coast'] } }));
    await projectDevice(stores.redis, 'dev-2', { zones: ['inland'] });
    await projectDevice(stores.redis, 'dev-3', { zones: ['inland', 'coast'] });
    await announce('3');
    await eventually(async () => assert.deepEqual((await send('dev-3', 20)).slice(1), ['raised dev-3 1']));
    assert.deepEqual((await send('dev-2', 20)).slice(2), []);
    // A rule that was announced by nobody: the next look at the version finds it.
    await projectRule(stores.redis, thresholdRule({ version: 4 }));
    await stores.redis.set(redisKeys.registryVersion, '4');
    await eventually(async () => assert.deepEqual((await send('dev-2', 20)).slice(2), ['raised dev-2 1']));
  } finally {
    watch.close();
  }
});
