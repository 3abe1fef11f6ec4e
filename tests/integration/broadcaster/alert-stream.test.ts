import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { activeAlertsSchema, type AlertMessage, type Place } from '../../../contracts/alert-stream.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { ALL } from '../../support/alert-subscriber.ts';
import { standBefore } from '../../support/cut-off-server.ts';
import type { TestAlertLog } from '../../support/alert-log.ts';
import type { TestRedis } from '../../support/redis.ts';
import { startBroadcasterProcess, type RunningBroadcaster } from '../../support/running-broadcaster.ts';
import { startAlertStream, type TestAlertStream } from '../../support/alert-stream.ts';
import { eventually } from '../../support/eventually.ts';

let platform: TestAlertStream;
let server: TestRedis;
let broadcaster: RunningBroadcaster;
let log: TestAlertLog;

before(async () => {
  platform = await startAlertStream({
    TELLTALE_BROADCASTER_HEARTBEAT_S: '1',
    TELLTALE_BROADCASTER_WINDOW_COUNT: '50',
  });
  ({ server, broadcaster, log } = platform);
});
after(async () => {
  await platform[Symbol.asyncDispose]();
});

const subjects = (alerts: readonly AlertMessage[]): readonly string[] => alerts.map(({ subject }) => subject);

async function active(query = ''): Promise<Place & { readonly alerts: readonly { readonly subject: string }[] }> {
  const response = await fetch(`${broadcaster.httpUrl}/v1/alerts/active${query}`);
  assert.equal(response.status, 200, await response.clone().text());
  return activeAlertsSchema.parse(await response.json());
}

test('who says nothing gets everything that is actual, from where it came', async () => {
  const silent = await broadcaster.open([]);
  const hello = await silent.told('hello');
  assert.equal(hello.heartbeat_s, 1);
  assert.equal(hello.token_required, false);
  await log.append('raised', { subject: 'before-live', status: 'Actual' });
  await log.append('raised', { subject: 'exercise', status: 'Exercise' });
  await silent.told('live');
  await log.append('raised', { subject: 'after-live', status: 'Actual' });
  await eventually(() => assert.deepEqual(subjects(silent.alerts), ['before-live', 'after-live']));
  for (const { epoch } of silent.alerts) assert.equal(epoch, hello.epoch);
  const heartbeat = await silent.told('heartbeat');
  assert.equal(heartbeat.live, true);
});

test('what a subscriber missed comes before what happens, whichever way it asks', async () => {
  const first = await broadcaster.connect();
  await log.raise(3);
  await eventually(() => assert.equal(first.frames.length, 3));
  const [one, , three] = first.alerts;
  first.socket.close();

  const within = await broadcaster.open();
  within.say({ type: 'subscribe', filters: ALL, resume: { epoch: one!.epoch, cursor: one!.cursor } });
  const alone = await broadcaster.open();
  alone.say({ type: 'resume', epoch: one!.epoch, cursor: one!.cursor });
  const later = await broadcaster.open();
  later.say({ type: 'subscribe', filters: ALL });
  later.say({ type: 'resume', epoch: one!.epoch, cursor: one!.cursor });
  const upToDate = await broadcaster.open();
  upToDate.say({ type: 'subscribe', filters: ALL, resume: { epoch: three!.epoch, cursor: three!.cursor } });
  for (const each of [within, alone, later, upToDate]) await each.told('live');
  await log.append('raised', { subject: 'new', status: 'Actual' });
  const missed = first.cursors.slice(1);
  for (const each of [within, later]) {
    await eventually(() => assert.equal(each.frames.length, 3));
    assert.deepEqual(each.cursors.slice(0, 2), missed);
  }
  // Without a subscription it is told what is actual, and those are tests.
  await eventually(() => assert.deepEqual(subjects(alone.alerts), ['new']));
  await eventually(() => assert.deepEqual(subjects(upToDate.alerts), ['new']));
});

test('a place that nobody can go on from is a gap, and what is active tells the rest', async () => {
  const { epoch, cursor } = await active();
  const [ms = '0'] = cursor.split('-');
  const ahead = { epoch, cursor: `${Number(ms) + 60_000}-0` };
  await log.raise(60);
  await eventually(async () => assert.notEqual((await active()).cursor, cursor));
  for (const [place, reason] of [
    [{ epoch, cursor }, 'too-old'],
    [ahead, 'beyond-end'],
    [{ epoch: 'another', cursor }, 'other-epoch'],
  ] as const) {
    const subscriber = await broadcaster.open();
    subscriber.say({ type: 'subscribe', filters: ALL, resume: place });
    const gap = await subscriber.told('gap');
    assert.equal(gap.reason, reason);
    await subscriber.told('live');
    assert.deepEqual(subscriber.frames, []);
    assert.equal((await active('?status=Test')).cursor, gap.cursor);
  }
});

test('an alert that changes enters what is asked for and leaves it', async () => {
  const near = await broadcaster.open();
  near.say({
    type: 'subscribe',
    filters: [{ near: { lat: 10, lon: 10, radius_m: 20_000 }, min_severity: 'Moderate' }],
  });
  await near.told('live');
  const change = async (
    kind: 'raised' | 'updated' | 'cleared',
    severity: 'Severe' | 'Minor',
    lat: number,
  ): Promise<unknown> =>
    await log.append(kind, { subject: 'moving', status: 'Actual', severity, position: { lat, lon: 10 } });
  await change('raised', 'Minor', 10);
  await change('updated', 'Severe', 10);
  await change('updated', 'Severe', 10.1);
  await change('updated', 'Severe', 12);
  await change('updated', 'Severe', 10);
  await change('updated', 'Minor', 10);
  await change('updated', 'Severe', 10);
  await change('cleared', 'Severe', 10);
  await eventually(() => assert.equal(near.frames.length, 7));
  assert.deepEqual(
    near.alerts.map(({ version, filter }) => [version, filter]),
    [
      [2, 'enter'],
      [3, undefined],
      [4, 'leave'],
      [5, 'enter'],
      [6, 'leave'],
      [7, 'enter'],
      [8, undefined],
    ],
  );
});

test('new filters hold from then on, and the active alerts are those of a filter', async () => {
  const subscriber = await broadcaster.open();
  subscriber.say({ type: 'subscribe', filters: [{ zones: ['here'], status: ['Test'] }] });
  await subscriber.told('live');
  await log.append('raised', { subject: 'here-1', zones: ['here', 'there'] });
  await log.append('raised', { subject: 'there-1', zones: ['there'] });
  await eventually(async () => assert.equal((await active('?zones=there&status=Test')).alerts.length, 2));
  assert.equal(subscriber.frames.length, 1);
  subscriber.others.length = 0;
  subscriber.say({ type: 'subscribe', filters: [{ zones: ['there'], status: ['Test'] }] });
  await subscriber.told('subscribed');
  await log.append('raised', { subject: 'here-2', zones: ['here'] });
  await log.append('raised', { subject: 'there-2', zones: ['there'] });
  await eventually(() => assert.deepEqual(subjects(subscriber.alerts), ['here-1', 'there-2']));
  assert.deepEqual(subjects((await active('?zones=here&status=Test')).alerts as never), ['here-1', 'here-2']);
  await log.append('cleared', { subject: 'here-1', zones: ['here'] });
  await eventually(async () =>
    assert.deepEqual(subjects((await active('?zones=here&status=Test')).alerts as never), ['here-2']),
  );
  assert.deepEqual((await active('?zones=here')).alerts, []);
  const set = encodeURIComponent(
    JSON.stringify([
      { zones: ['here'], status: ['Test'] },
      { zones: ['there'], status: ['Test'] },
    ]),
  );
  assert.deepEqual(subjects((await active(`?filters=${set}`)).alerts as never).length, 3);
});

test('a query that is wrong says what is wrong, and a token in an address is refused', async () => {
  for (const [query, why] of [
    ['?zone=here', /zone/],
    ['?bbox=1,2,3', /bbox/],
    ['?near=1,2', /near/],
    ['?min_severity=Worst', /min_severity/],
    ['?zones=a&zones=b', /twice/],
    ['?token=abc', /Authorization/],
    ['?filters=[', /JSON/],
    ['?filters=[]', /filters/],
    ['?filters=[{}]&zones=a', /zones/],
  ] as const) {
    for (const path of ['/v1/alerts/active', '/alerts/stream']) {
      const response = await fetch(`${broadcaster.httpUrl}${path}${query}`);
      assert.equal(response.status, 400, path + query);
      assert.match(await response.text(), why);
    }
  }
});

test('a Redis that has lost what subscribers were told is a gap for all of them, with another epoch', async () => {
  const before = await active();
  const subscriber = await broadcaster.connect();
  const waiting = await broadcaster.open();
  const hello = await waiting.told('hello');
  await log.redis.del(redisKeys.alerts, redisKeys.alertState, redisKeys.alertRecords, redisKeys.alertEpoch);
  const gap = await subscriber.told('gap');
  assert.equal(gap.reason, 'log-lost');
  assert.notEqual(gap.epoch, before.epoch);
  assert.deepEqual((await active('?status=Test,Actual,Exercise')).alerts, []);
  await log.append('raised', { subject: 'afterwards', status: 'Actual' });
  await eventually(() => assert.deepEqual(subjects(subscriber.alerts), ['afterwards']));
  const late = await broadcaster.open();
  late.say({ type: 'resume', epoch: hello.epoch, cursor: hello.cursor });
  assert.equal((await late.told('gap')).reason, 'other-epoch');
});

test('a Redis that came back with an older stream makes another epoch, and the old one is not gone on with', async () => {
  const subscriber = await broadcaster.connect();
  await log.append('raised', { subject: 'kept' });
  await eventually(() => assert.equal(subscriber.frames.length, 1));
  const { epoch } = await active();
  const restore = await server.backUp();
  await log.append('raised', { subject: 'lost' });
  await eventually(() => assert.equal(subscriber.frames.length, 2));
  await server.kill9();
  await restore();
  await server.restart();
  const gap = await subscriber.told('gap');
  assert.notEqual(gap.epoch, epoch);
  await eventually(async () => assert.ok(await broadcaster.isReady(), 'not ready'));
  assert.ok(!subjects((await active('?status=Test')).alerts as never).includes('lost'));
});

test('a Redis that has lost an alert and has newer ones already is another history as well', async () => {
  const subscriber = await broadcaster.connect();
  await log.append('raised', { subject: 'first' });
  const restore = await server.backUp();
  await log.append('raised', { subject: 'lost-in-between' });
  await eventually(() => assert.equal(subscriber.frames.length, 2));
  const { epoch } = await subscriber.told('hello');
  const { server: between, url } = await standBefore(server.url);
  await using _between = between;
  await using late = await startBroadcasterProcess(url);
  const lateSubscriber = await late.connect();
  between.cutOff = true;
  await server.kill9();
  await restore();
  await server.restart();
  await log.raise(3);
  between.drop();
  between.cutOff = false;
  const gap = await lateSubscriber.told('gap');
  assert.equal(gap.reason, 'log-lost');
  assert.notEqual(gap.epoch, epoch);
  const reply = await fetch(`${late.httpUrl}/v1/alerts/active?status=Test`);
  assert.ok(!(await reply.text()).includes('lost-in-between'));
});

test('a broadcaster that does not hear Redis does not judge a place that it does not know', async () => {
  const { server: between, url } = await standBefore(server.url);
  await using _between = between;
  await using deaf = await startBroadcasterProcess(url);
  const hearing = await broadcaster.connect();
  between.cutOff = true;
  await log.raise(2);
  await eventually(() => assert.equal(hearing.frames.length, 2));
  const last = hearing.alerts.at(-1)!;
  const resume = { epoch: last.epoch, cursor: last.cursor };
  const early = await deaf.open();
  early.say({ type: 'subscribe', filters: ALL, resume });
  assert.equal(await early.closed, 1013);
  assert.deepEqual(
    early.others.filter(({ type }) => type === 'gap'),
    [],
  );
  between.cutOff = false;
  between.drop();
  await eventually(async () => assert.ok(await deaf.isReady(), 'not ready'));
  // It is ready for as long as nobody could notice, and says 1013 until it hears again.
  const late = await eventually(async () => {
    const subscriber = await deaf.open();
    subscriber.say({ type: 'subscribe', filters: ALL, resume });
    await Promise.race([subscriber.told('live'), subscriber.closed.then((code) => assert.notEqual(code, 1013))]);
    return subscriber;
  });
  await log.append('raised', { subject: 'after-deafness' });
  await eventually(() => assert.deepEqual(subjects(late.alerts), ['after-deafness']));
});

test('a client of our protocol that takes long to say where it stood misses nothing', async () => {
  const before = await broadcaster.connect();
  await log.raise(1);
  await eventually(() => assert.equal(before.frames.length, 1));
  const [known] = before.alerts;
  before.socket.close();
  await log.append('raised', { subject: 'missed', status: 'Actual' });
  const slow = await broadcaster.open();
  await delay(2500);
  assert.deepEqual(
    slow.others.map(({ type }) => type).filter((type) => type !== 'hello'),
    [],
  );
  slow.say({ type: 'subscribe', filters: ALL, resume: { epoch: known!.epoch, cursor: known!.cursor } });
  await slow.told('live');
  assert.deepEqual(subjects(slow.alerts), ['missed']);
});

test('what happens while the broadcaster does not hear Redis comes from the stream, once', async () => {
  const subscriber = await broadcaster.connect();
  await log.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await log.raise(20);
  await eventually(() => assert.equal(subscriber.frames.length, 20));
  assert.deepEqual(subscriber.cursors, [...new Set(subscriber.cursors)]);
  assert.ok((await broadcaster.metric('ws_alerts_caught_up_total')) > 0);
});

test('a broadcaster that is killed and comes back tells those who resume what happened meanwhile', async () => {
  const subscriber = await broadcaster.connect();
  await log.raise(2);
  await eventually(() => assert.equal(subscriber.frames.length, 2));
  const [, last] = subscriber.alerts;
  await broadcaster.kill9();
  await log.append('updated', { subject: last!.subject, severity: 'Extreme' });
  await log.raise(1);
  await broadcaster.start();
  const again = await broadcaster.open();
  again.say({ type: 'subscribe', filters: ALL, resume: { epoch: last!.epoch, cursor: last!.cursor } });
  await eventually(() => assert.equal(again.frames.length, 2));
  assert.equal(again.alerts[0]!.version, 2);
});

test('a page of another host may not listen, unless it is named', async () => {
  const own = await broadcaster.open([], { origin: `http://127.0.0.1:${broadcaster.port}` });
  await own.told('hello');
  await assert.rejects(broadcaster.open([], { origin: 'https://evil.example' }), /./);
  const elsewhere = await fetch(`${broadcaster.httpUrl}/v1/alerts/active`, {
    headers: { origin: 'https://evil.example' },
  });
  assert.equal(elsewhere.headers.get('access-control-allow-origin'), null);
  await using open = await startBroadcasterProcess(server.url, {
    TELLTALE_BROADCASTER_PUBLIC: 'true',
    TELLTALE_BROADCASTER_ORIGINS: 'https://a.example, https://b.example',
  });
  await (await open.open([], { origin: 'https://b.example' })).told('hello');
  const named = await fetch(`${open.httpUrl}/v1/alerts/active`, { headers: { origin: 'https://b.example' } });
  assert.equal(named.headers.get('access-control-allow-origin'), 'https://b.example');
});

test('frames are compressed for clients that offer it where that is asked for, and not otherwise', async () => {
  await using compressing = await startBroadcasterProcess(server.url, {
    TELLTALE_BROADCASTER_PUBLIC: 'true',
    TELLTALE_BROADCASTER_COMPRESSION: 'true',
  });
  const bytesOf = async (service: RunningBroadcaster, extension: string): Promise<number> => {
    const subscriber = await service.connect();
    assert.equal(subscriber.socket.extensions, extension);
    const socket: unknown = Reflect.get(subscriber.socket, '_socket');
    assert.ok(socket instanceof Socket);
    const before = socket.bytesRead;
    await log.append('raised', { subject: `compressed-${extension}`, headline: 'x'.repeat(5000) });
    await eventually(() => assert.equal(subscriber.alerts[0]?.headline.length, 5000));
    return socket.bytesRead - before;
  };
  assert.ok((await bytesOf(compressing, 'permessage-deflate')) < 1500);
  assert.ok((await bytesOf(broadcaster, '')) > 5000);
});
