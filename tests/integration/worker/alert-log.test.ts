import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisChannels, redisKeys } from '../../../contracts/redis-keys.ts';
import { defineScript } from '../../../platform/redis/script.ts';
import { AlertLog, FencedError } from '../../../platform/redis/alert-log/alert-log.ts';
import { transitionRequest } from '../../support/alert-requests.ts';
import { describeTransitions } from '../../support/detecting.ts';
import { eventually } from '../../support/eventually.ts';
import { openWorkerStores } from '../../support/worker-stores.ts';
import { FENCE, TOKEN } from '../../support/held.ts';

const SCRIPT_FOLDER = new URL('../../../platform/redis/alert-log/', import.meta.url).href;
const FIELD = 'strong-motion|dev-1';

test('the script appends, keeps and publishes in one step, and does none of it at an unexpected state', async () => {
  await using stores = await openWorkerStores();
  const { redis } = stores;
  const subscriber = stores.openSubscriber('test-subscriber');
  const frames: string[] = [];
  subscriber.on('message', (_channel, frame) => frames.push(frame));
  await subscriber.subscribe(redisChannels.alerts);
  const script = defineScript(redis, 'testAppend', 'append-transition.lua', SCRIPT_FOLDER);
  const append = (expected: string, next: string, transition: string) =>
    script(
      [redisKeys.alerts, redisKeys.alertState, redisKeys.alertFence, redisKeys.alertRecords],
      [FIELD, expected, next, transition, redisChannels.alerts, 0, TOKEN, `record of ${transition}`],
    );

  assert.deepEqual(await append('other', 'state 1', '{"n":1}'), ['changed']);
  assert.equal(await redis.exists(redisKeys.alerts, redisKeys.alertState, redisKeys.alertRecords), 0);

  const first = await append('', 'state 1', '{"n":1}');
  assert.deepEqual(await append('', 'state 2', '{"n":2}'), ['changed']);
  const second = await append('state 1', 'state 3', '{"n":3}');
  assert.deepEqual(await append('state 1', 'state 4', '{"n":4}'), ['changed']);
  const entries = await redis.xrange(redisKeys.alerts, '-', '+');
  assert.deepEqual(
    entries.map(([, fields]) => fields),
    [
      ['transition', '{"n":1}'],
      ['transition', '{"n":3}'],
    ],
  );
  assert.deepEqual(
    [first, second],
    entries.map(([cursor]) => ['appended', cursor]),
  );
  assert.equal(await redis.hget(redisKeys.alertState, FIELD), 'state 3');
  assert.equal(await redis.hget(redisKeys.alertRecords, FIELD), 'record of {"n":3}');
  await eventually(() => assert.equal(frames.length, 2));
  assert.deepEqual(
    frames,
    entries.map(([cursor], index) => {
      const previous = entries[index - 1]?.[0] ?? '0-0';
      return `{"type":"alert","cursor":"${cursor}","previous":"${previous}","n":${index === 0 ? 1 : 3}}`;
    }),
  );
});

test('workers that race for one alert raise it once and clear it once', async () => {
  await using stores = await openWorkerStores();
  const logs = Array.from({ length: 8 }, (_, worker) => new AlertLog(stores.openRedis(`test-worker-${worker}`)));
  const race = async (kind: 'raised' | 'cleared', at: number): Promise<number> => {
    const outcomes = await Promise.all(logs.map((log) => log.append(transitionRequest(kind, at), FENCE)));
    return outcomes.filter((outcome) => outcome !== undefined).length;
  };
  for (let round = 0; round < 10; round += 1) {
    assert.equal(await race('raised', 2 * round + 1), 1);
    assert.equal(await race('cleared', 2 * round + 2), 1);
  }
  assert.deepEqual(
    await describeTransitions(stores.redis),
    Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? 'raised dev-1 1' : 'cleared dev-1 2')),
  );
});

test('workers that race with different causes leave one life of the alert', async () => {
  await using stores = await openWorkerStores();
  const logs = Array.from({ length: 8 }, (_, worker) => new AlertLog(stores.openRedis(`test-worker-${worker}`)));
  const outcomes = await Promise.all(logs.map((log, at) => log.append(transitionRequest('raised', at), FENCE)));
  assert.equal(outcomes.filter((outcome) => outcome !== undefined).length, 1);
  assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1']);
});

test('a cause that was used already, or one before it, changes nothing', async () => {
  await using stores = await openWorkerStores();
  const log = new AlertLog(stores.redis);
  assert.equal(await log.append(transitionRequest('cleared', 1), FENCE), undefined);
  assert.equal((await log.append(transitionRequest('raised', 5), FENCE))?.version, 1);
  for (const at of [4, 5]) assert.equal(await log.append(transitionRequest('cleared', at), FENCE), undefined);
  assert.equal((await log.append(transitionRequest('cleared', 6), FENCE))?.version, 2);
  for (const at of [5, 6]) assert.equal(await log.append(transitionRequest('raised', at), FENCE), undefined);
  assert.equal((await log.append(transitionRequest('raised', 7), FENCE))?.version, 1);
  assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1', 'cleared dev-1 2', 'raised dev-1 1']);
});

test('the active alerts are those that were raised and not ended', async () => {
  await using stores = await openWorkerStores();
  const log = new AlertLog(stores.redis);
  for (let device = 0; device < 1500; device += 1) {
    await log.append(transitionRequest('raised', 1, { subject: `dev-${device}` }), FENCE);
  }
  await log.append(transitionRequest('cleared', 2, { subject: 'dev-7' }), FENCE);
  await log.append(transitionRequest('cancelled', 2, { subject: 'dev-8' }), FENCE);
  await log.append(transitionRequest('updated', 2, { subject: 'dev-9' }), FENCE);
  const active = await log.readActive();
  assert.equal(active.size, 1498);
  for (const ended of [7, 8]) assert.ok(!active.has(`strong-motion|dev-${ended}`));
  assert.ok(active.has('strong-motion|dev-9'));
});

test('who has lost a lease is refused once another has taken over, before that one has said anything', async () => {
  await using stores = await openWorkerStores();
  const log = new AlertLog(stores.redis);
  const [older, newer] = [
    { lease: 3, token: 1_790_000_000_000 },
    { lease: 3, token: 1_790_000_000_001 },
  ];
  await log.takeOver(older);
  assert.equal((await log.append(transitionRequest('raised', 1), older))?.version, 1);
  await log.takeOver(newer);
  await assert.rejects(log.append(transitionRequest('cleared', 2), older), FencedError);
  await assert.rejects(log.takeOver(older), FencedError);
  assert.equal((await log.append(transitionRequest('cleared', 2), newer))?.version, 2);
  // Another lease has nothing to do with it.
  assert.equal((await log.append(transitionRequest('raised', 3), { lease: 4, token: 1 }))?.version, 1);
});

test('a token that nobody announced is the highest from when it first speaks', async () => {
  await using stores = await openWorkerStores();
  const log = new AlertLog(stores.redis);
  await log.append(transitionRequest('raised', 1), { lease: 'alerts', token: 7 });
  await assert.rejects(log.append(transitionRequest('cleared', 2), { lease: 'alerts', token: 6 }), FencedError);
});

test('an alert is taken over and goes out while Redis is full', async () => {
  await using stores = await openWorkerStores();
  await stores.redis.config('SET', 'maxmemory', '1');
  const log = new AlertLog(stores.redis);
  await log.takeOver(FENCE);
  assert.equal((await log.append(transitionRequest('raised', 1), FENCE))?.version, 1);
});
