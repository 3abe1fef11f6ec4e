import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectSubscriber } from '../support/alert-subscriber.ts';
import { assertNothingUnusual } from '../support/assert-nothing-unusual.ts';
import { eventually } from '../support/eventually.ts';
import { startPlatform, type Stopped, type TestPlatform } from '../support/platform.ts';
import { encodeHead, openConnection } from '../support/raw-http.ts';
import { assertNoReplyLost, startFleet } from '../support/simulated-fleet.ts';
import { assertStoredOnce } from '../support/stored-once.ts';

const DEVICES = 20;
/** A machine that is slow is not an ingest that forgets to answer. */
const FLEET = ['--devices', String(DEVICES), '--rate', '5', '--duration', '0', '--reply-timeout', '60'];
const STOP_WITHIN_MS = 5000;
const SERVICE_RESTART = 1012;

function assertStoppedInOrder(name: string, { status, tookMs, lines }: Stopped): void {
  assert.deepEqual(status, { code: 0, signal: null }, lines.join('\n'));
  assert.ok(tookMs < STOP_WITHIN_MS, `${name} took ${tookMs} ms`);
  assertNothingUnusual(name, lines);
}

/** A device that is about to connect may be refused; one that is connected has to be answered. */
async function isUnderFullLoad(platform: TestPlatform): Promise<void> {
  await eventually(async () => assert.equal(await platform.metric('ingest', 'ingest_connections'), DEVICES));
  await platform.accepts(1000);
}

async function inFlight(platform: TestPlatform, atLeast: number): Promise<void> {
  await eventually(async () => {
    assert.ok((await platform.metric('ingest', 'ingest_in_flight_requests')) >= atLeast, 'too few are under way');
  });
}

test('ingest answers what it was sent before SIGTERM, also when the log is slow', async () => {
  await using platform = await startPlatform();
  await using fleet = await startFleet(platform, FLEET);
  await isUnderFullLoad(platform);

  platform.redis.pause();
  await inFlight(platform, 10);
  const stopping = platform.stop('ingest');
  await eventually(() => assert.match(platform.service('ingest').running.lastLines().join('\n'), /"stopping"/));
  platform.redis.resume();
  assertStoppedInOrder('ingest', await stopping);
  await platform.start('ingest');
  await platform.accepts(1000);

  const outcome = await fleet.drain();
  await assertStoredOnce(platform, fleet, outcome);
  assertNoReplyLost(outcome);
});

test('no request is lost in any of many restarts of ingest under load', async () => {
  await using platform = await startPlatform();
  await using fleet = await startFleet(platform, FLEET);
  for (let restart = 0; restart < 3; restart += 1) {
    await isUnderFullLoad(platform);
    assertStoppedInOrder('ingest', await platform.stop('ingest'));
    await platform.start('ingest');
  }
  await platform.accepts(1000);

  const outcome = await fleet.drain();
  await assertStoredOnce(platform, fleet, outcome);
  assertNoReplyLost(outcome);
});

test('a sender that never finishes its request does not keep ingest from ending in order', async () => {
  await using platform = await startPlatform();
  using connection = await openConnection(Number(new URL(platform.ingestUrl).port));
  const fields = [
    ['Host', 'x'],
    ['Content-Type', 'application/senml+json'],
    ['Content-Length', '100'],
  ] as const;
  await connection.write(encodeHead({ method: 'POST', target: '/v1/telemetry', fields, body: new Uint8Array() }));
  await connection.write(Buffer.from('[{"bn":'));
  await inFlight(platform, 1);
  assertStoppedInOrder('ingest', await platform.stop('ingest'));
  await connection.untilEnded();
});

test('the worker ends in order with batches under way, and the next one goes on where it stopped', async () => {
  await using platform = await startPlatform();
  await platform.applyRules('deploy/demo/rules.json');
  await using fleet = await startFleet(platform, [...FLEET, '--scenario', 'quake', '--quake-after', '0']);
  for (let restart = 0; restart < 2; restart += 1) {
    await platform.accepts(2000);
    assertStoppedInOrder('worker', await platform.stop('worker'));
    await platform.accepts(1000);
    await platform.start('worker');
  }
  const outcome = await fleet.drain();
  await assertStoredOnce(platform, fleet, outcome);
  assert.deepEqual(outcome.summary.sent_again, {});
  assert.equal(await platform.metric('worker', 'persist_known_rows_total'), 0, 'a stored batch was not acknowledged');
});

test('the broadcaster tells every subscriber that it restarts, in the middle of a burst of alerts', async () => {
  await using platform = await startPlatform();
  const rule = {
    ...{ kind: 'threshold', id: 'every-tremor', scope: { metrics: ['acc_x', 'acc_y', 'acc_z'] } },
    ...{ severity: 'Minor', status: 'Test', headline: 'A tremor', when: 'beyond', limit: 0.005, clear_limit: 0.005 },
  };
  const rules = join(platform.folder, 'rules.json');
  await writeFile(rules, JSON.stringify([rule]));
  await platform.applyRules(rules);
  const subscribers = await Promise.all(Array.from({ length: 20 }, () => connectSubscriber(platform.alertsUrl)));
  await using _fleet = await startFleet(platform, FLEET);
  await eventually(() =>
    assert.ok(
      subscribers.every(({ frames }) => frames.length > 200),
      'too few alerts',
    ),
  );

  assertStoppedInOrder('broadcaster', await platform.stop('broadcaster'));
  for (const { closed } of subscribers) assert.equal(await closed, SERVICE_RESTART);
  const [first] = subscribers;
  for (const { cursors } of subscribers) assert.deepEqual(cursors, first?.cursors);
});
