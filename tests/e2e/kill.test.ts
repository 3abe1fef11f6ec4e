import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { parseTransition, TRANSITION_FIELD, type Transition } from '../../contracts/alert-transition.ts';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { AlertListener } from '../../scripts/dev-stack/alert-listener.ts';
import { eventually } from '../support/eventually.ts';
import { holdInserts } from '../support/held-inserts.ts';
import { startPlatform, type TestPlatform } from '../support/platform.ts';
import { startFleet } from '../support/simulated-fleet.ts';
import { assertStoredOnce } from '../support/stored-once.ts';

const DEVICES = 20;
const FLEET = ['--devices', String(DEVICES), '--rate', '5', '--duration', '0'];

/** Of twenty envelopes on a machine that is busy with something else; a device is told to come back after 2 s. */
const VERIFIED_AFTER_MS = 500;

/** From here on Redis takes nothing. Returns when each device waits for its reply, and the first are on their way into the log. */
async function pauseRedisUnderLoad(platform: TestPlatform): Promise<void> {
  platform.redis.pause();
  await eventually(async () => {
    assert.equal(await platform.metric('ingest', 'ingest_in_flight_requests'), DEVICES, 'not every device waits');
  });
  await delay(VERIFIED_AFTER_MS);
}

async function loadTransitions(redisUrl: string): Promise<readonly Transition[]> {
  const redis = new Redis(redisUrl);
  const entries = await redis.xrange(redisKeys.alerts, '-', '+');
  redis.disconnect();
  return entries.map(([, fields]) => {
    const transition = parseTransition(fields[fields.indexOf(TRANSITION_FIELD) + 1] ?? '');
    assert.ok(transition !== undefined);
    return transition;
  });
}

test('a worker that is killed right after an alert does not raise it again', async () => {
  await using platform = await startPlatform();
  await platform.applyRules('deploy/demo/rules.json');
  let onAlert: () => void = () => undefined;
  const firstAlert = new Promise<void>((resolve) => (onAlert = resolve));
  await using subscriber = new AlertListener(platform.alertsUrl, () => onAlert());
  await subscriber.open();
  await using fleet = await startFleet(platform, [...FLEET, '--scenario', 'quake', '--quake-after', '1']);
  await firstAlert;
  await platform.kill9('worker');
  await platform.start('worker');
  const before = subscriber.delivered;
  await eventually(() => assert.ok(subscriber.delivered > before + 3, 'no alert of another device'));
  await assertStoredOnce(platform, fleet, await fleet.drain());

  const transitions = await loadTransitions(platform.stores.redisUrl);
  const lives = transitions.filter(({ kind }) => kind === 'raised').map((transition) => transition.subject);
  assert.equal(new Set(lives).size, lives.length, 'an alert was raised twice');
});

test('a worker that is killed with a batch in the database loses nothing and stores nothing twice, committed or not', async () => {
  await using platform = await startPlatform();
  await using fleet = await startFleet(platform, FLEET);
  await platform.accepts(1000);

  await using neverCommitted = await holdInserts(platform.stores.databaseUrl);
  await neverCommitted.oneWaits();
  await platform.kill9('worker');
  await neverCommitted.discard();
  await platform.start('worker');
  await eventually(async () =>
    assert.ok((await platform.metric('worker', 'persist_rows_total')) > 0, 'no row is stored'),
  );

  await using committed = await holdInserts(platform.stores.databaseUrl);
  await committed.oneWaits();
  await platform.kill9('worker');
  await committed.release();
  await platform.accepts(1000);
  await platform.start('worker');
  await assertStoredOnce(platform, fleet, await fleet.drain());
  assert.ok((await platform.metric('worker', 'persist_known_rows_total')) > 0, 'nothing was delivered again');
});

test('an ingest that is killed between the log and its reply loses nothing: devices find out and go on', async () => {
  await using platform = await startPlatform();
  await using fleet = await startFleet(platform, FLEET);
  await platform.accepts(1000);

  await pauseRedisUnderLoad(platform);
  await platform.kill9('ingest');
  platform.redis.resume();
  await platform.start('ingest');
  await platform.accepts(1000);

  const outcome = await fleet.drain();
  await assertStoredOnce(platform, fleet, outcome);
  assert.ok(outcome.summary.packs_already_delivered > 0, 'no reply was lost');
});

test('a Redis that is killed with writes under way loses nothing that was acknowledged', async () => {
  await using platform = await startPlatform();
  await using fleet = await startFleet(platform, FLEET);
  await platform.accepts(1000);

  await pauseRedisUnderLoad(platform);
  await platform.redis.kill9();
  await platform.redis.restart();
  await platform.accepts(1000);
  await assertStoredOnce(platform, fleet, await fleet.drain());
});
