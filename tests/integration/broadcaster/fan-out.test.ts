import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alertMessageSchema } from '../../../contracts/alert-stream.ts';
import type { Transition } from '../../../contracts/alert-transition.ts';
import { redisChannels } from '../../../contracts/redis-keys.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { openRedis, type Redis } from '../../../platform/redis/open-redis.ts';
import { AlertLog } from '../../../platform/redis/alert-log/alert-log.ts';
import { transitionRequest } from '../../support/alert-requests.ts';
import { readTransitions } from '../../support/detecting.ts';
import { eventually } from '../../support/eventually.ts';
import { startRedis } from '../../support/redis.ts';
import { standBefore } from '../../support/cut-off-server.ts';
import { startBroadcasterProcess } from '../../support/running-broadcaster.ts';
import { FENCE } from '../../support/held.ts';

function connect(url: string): Redis {
  return openRedis({ url, name: 'test', manner: 'patient' }, createLogger('test', 'silent'));
}

async function raiseMany(log: AlertLog, count: number): Promise<void> {
  const raise = (index: number): Promise<Transition | undefined> =>
    log.append(transitionRequest('raised', 1, { subject: `dev-${index}`, headline: 'Földrengés – 地震 🌋' }), FENCE);
  await Promise.all(Array.from({ length: count }, (_, index) => raise(index)));
}

test('every subscriber gets every transition once and in order, as the schema says', async () => {
  await using server = await startRedis();
  await using broadcaster = await startBroadcasterProcess(server.url);
  const redis = connect(server.url);
  const log = new AlertLog(redis);
  try {
    const early = await Promise.all(Array.from({ length: 20 }, () => broadcaster.connect()));
    await eventually(async () => assert.equal(await broadcaster.metric('ws_connections'), 20));
    await raiseMany(log, 300);
    await eventually(() => early.forEach(({ frames }) => assert.equal(frames.length, 300)));
    const late = await broadcaster.connect();
    early.slice(0, 5).forEach(({ socket }) => socket.close());
    await eventually(async () => assert.equal(await broadcaster.metric('ws_connections'), 16));
    await log.append(transitionRequest('cleared', 2, { subject: 'dev-7' }), FENCE);

    const { epoch } = await late.told('hello');
    const expected = (await readTransitions(redis)).map(({ cursor, transition }) => ({
      type: 'alert',
      epoch,
      cursor,
      ...transition,
    }));
    const stayed = early.slice(5);
    await eventually(() => stayed.forEach(({ frames }) => assert.equal(frames.length, 301)));
    await eventually(() => assert.equal(late.frames.length, 1));
    const parse = (frame: string) => alertMessageSchema.strict().parse(JSON.parse(frame));
    for (const { frames } of stayed) assert.deepEqual(frames.map(parse), expected);
    assert.deepEqual(late.frames.map(parse), expected.slice(-1));
    assert.equal(await broadcaster.metric('ws_alerts_published_total'), 301);
  } finally {
    redis.disconnect();
  }
});

test('a message on the channel that is no transition is not forwarded, and is counted', async () => {
  await using server = await startRedis();
  await using broadcaster = await startBroadcasterProcess(server.url);
  const redis = connect(server.url);
  try {
    const subscriber = await broadcaster.connect();
    const log = new AlertLog(redis);
    await log.append(transitionRequest('raised', 1), FENCE);
    await eventually(() => assert.equal(subscriber.frames.length, 1));
    const good = subscriber.frames[0] ?? '';
    const bad = [
      '',
      'null',
      'hello',
      '{"type":"alert"}',
      good.slice(0, -1),
      good.replace('"type":"alert"', '"type":"gap"').replace(/"cursor":"[^"]*"/, '"cursor":"9999999999999-0"'),
      good.replace('"version":1', '"version":0'),
      good.replace(/"cursor":"[^"]*"/, '"cursor":7'),
    ];
    for (const message of bad) await redis.publish(redisChannels.alerts, message);
    await log.append(transitionRequest('cleared', 2), FENCE);
    await eventually(() => assert.equal(subscriber.frames.length, 2));
    assert.match(subscriber.frames[1] ?? '', /"kind":"cleared"/);
    assert.equal(await broadcaster.metric('ws_foreign_messages_total'), bad.length);
    assert.equal(await broadcaster.metric('ws_alerts_published_total'), 2);
  } finally {
    redis.disconnect();
  }
});

test('a Redis that is killed and comes back: unready in between, and subscribers stay and get what comes after', async () => {
  await using server = await startRedis();
  await using broadcaster = await startBroadcasterProcess(server.url);
  const redis = connect(server.url);
  try {
    const log = new AlertLog(redis);
    const subscriber = await broadcaster.connect();
    await server.kill9();
    await eventually(async () => assert.equal(await broadcaster.isReady(), false));
    await server.restart();
    await eventually(async () => assert.equal(await broadcaster.isReady(), true));
    await eventually(() => log.append(transitionRequest('raised', 1), FENCE));
    await eventually(() => assert.equal(subscriber.frames.length, 1));
  } finally {
    redis.disconnect();
  }
});

test('connections to Redis that break after any number of answers end neither the process nor the subscription', async () => {
  await using server = await startRedis();
  const { server: between, url } = await standBefore(server.url);
  await using _between = between;
  await using broadcaster = await startBroadcasterProcess(url);
  const redis = connect(server.url);
  try {
    const subscriber = await broadcaster.connect();
    for (let answers = 0; answers < 6; answers += 1) {
      const before = between.accepted;
      between.answersUntilBreak = answers;
      between.drop();
      await eventually(() => assert.ok(between.accepted > before + 1, 'no new connection'));
    }
    between.answersUntilBreak = Infinity;
    between.drop();
    await eventually(async () => assert.ok(await broadcaster.isReady(), 'the broadcaster is not ready'));
    await eventually(async () => assert.equal(await redis.publish(redisChannels.alerts, 'no alert'), 1));
    await new AlertLog(redis).append(transitionRequest('raised', 1), FENCE);
    await eventually(() => assert.equal(subscriber.frames.length, 1));
  } finally {
    redis.disconnect();
  }
});

test('a Redis that answers nothing makes the broadcaster unready, until it answers again', async () => {
  await using server = await startRedis();
  await using broadcaster = await startBroadcasterProcess(server.url);
  const subscriber = await broadcaster.connect();
  server.pause();
  await eventually(async () => assert.equal(await broadcaster.isReady(), false), 15_000);
  server.resume();
  await eventually(async () => assert.equal(await broadcaster.isReady(), true));
  const redis = connect(server.url);
  try {
    await new AlertLog(redis).append(transitionRequest('raised', 1), FENCE);
    await eventually(() => assert.equal(subscriber.frames.length, 1));
  } finally {
    redis.disconnect();
  }
});
