import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import { appendPack, numberReading } from '../../support/admitted-packs.ts';
import { standBefore } from '../../support/cut-off-server.ts';
import { describeTransitions, projectDevice, projectRule, thresholdRule } from '../../support/detecting.ts';
import { eventually } from '../../support/eventually.ts';
import { readBacklog } from '../../support/persisting.ts';
import type { TestService } from '../../support/process.ts';
import { deviceRegistration } from '../../support/registrations.ts';
import { startPostgres } from '../../support/restartable-postgres.ts';
import { countRows } from '../../support/stored-rows.ts';
import { startWorkerProcess } from '../../support/worker-process.ts';
import { openWorkerStores, type WorkerStores } from '../../support/worker-stores.ts';

const START_WITHIN_MS = 10_000;
const STOP_WITHIN_MS = 5000;
const RECOVER_WITHIN_MS = 20_000;

let lastTimeUs = 0;

/** Each is newer than the one before, also within one millisecond: a reading that is not changes nothing live. */
async function sendReading(stores: WorkerStores, value: number): Promise<void> {
  lastTimeUs = Math.max(Date.now() * 1000, lastTimeUs + 1);
  await appendPack(stores.redis, { device: 'dev-1', readings: [numberReading('x', lastTimeUs, value)] });
}

async function assertStops(worker: TestService): Promise<void> {
  const askedAt = performance.now();
  const status = await worker.running.stop(STOP_WITHIN_MS + 1000);
  assert.deepEqual(status, { code: 0, signal: null }, worker.running.lastLines().join('\n'));
  assert.ok(performance.now() - askedAt < STOP_WITHIN_MS);
}

async function isReady(worker: TestService): Promise<boolean> {
  return (await fetch(`${worker.adminUrl}/readyz`)).status === 200;
}

for (const database of ['refuses connections', 'never answers'] as const) {
  test(`a worker whose database ${database} starts in seconds, raises alerts, says what is missing and stops in order`, async () => {
    await using stores = await openWorkerStores();
    const { server, url } = await standBefore(stores.databaseUrl);
    await using _server = server;
    server.cutOff = true;
    const refusing = new URL(url);
    refusing.port = String(await findFreePort());
    await projectRule(stores.redis, thresholdRule());
    await projectDevice(stores.redis, 'dev-1');

    const startedAt = performance.now();
    await using worker = await startWorkerProcess(
      stores.server.url,
      database === 'never answers' ? url : refusing.href,
    );
    assert.ok(performance.now() - startedAt < START_WITHIN_MS);
    await sendReading(stores, 99);
    await eventually(async () => assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1']));
    await sendReading(stores, 0);
    await eventually(async () => assert.equal((await describeTransitions(stores.redis)).length, 2));
    await eventually(async () => {
      const ready = await fetch(`${worker.adminUrl}/readyz`);
      assert.equal(ready.status, 503);
      assert.match(await ready.text(), /the loop "persist [0-3]" fails/);
    });
    const { unacknowledged, unread } = await readBacklog(stores.redis);
    assert.equal(unacknowledged + unread, 2);
    await assertStops(worker);
  });
}

test('a worker that starts while PostgreSQL is stopped stores everything when it is back, alerts included', async () => {
  await using postgres = await startPostgres();
  await using stores = await openWorkerStores(postgres.url);
  const registry = new RegistryStore(stores.database);
  await registry.registerDevices([deviceRegistration('dev-1')]);
  const version = await registry.applyRules([thresholdRule()]);
  {
    await using first = await startWorkerProcess(stores.server.url, postgres.url);
    await eventually(async () => assert.equal(await stores.redis.get(redisKeys.registryVersion), version));
    await eventually(async () => assert.ok(await isReady(first), 'the worker is not ready'));
    await assertStops(first);
  }
  await postgres.stop();
  await using worker = await startWorkerProcess(stores.server.url, postgres.url);
  for (const value of [99, 0, 99]) await sendReading(stores, value);
  await eventually(async () => assert.equal((await describeTransitions(stores.redis)).length, 3));
  assert.equal(await isReady(worker), false);

  await postgres.restart();
  await eventually(async () => assert.equal(await countRows(stores.database), 3), RECOVER_WITHIN_MS);
  await eventually(async () => {
    const { rows } = await stores.database.query<{ state: string; transitions: number }>(
      `SELECT a.state, count(*)::int AS transitions FROM alerts a JOIN alert_transitions t ON t.alert_id = a.id
       GROUP BY a.id ORDER BY a.raised_at`,
    );
    assert.deepEqual(rows, [
      { state: 'cleared', transitions: 2 },
      { state: 'active', transitions: 1 },
    ]);
  }, RECOVER_WITHIN_MS);
  await eventually(async () => assert.ok(await isReady(worker), 'the worker is not ready'), RECOVER_WITHIN_MS);
  assert.deepEqual(await readBacklog(stores.redis), { unacknowledged: 0, unread: 0 });
  await assertStops(worker);
});

test('a worker whose Redis is flushed while it runs begins careful logs, projects again and goes on', async () => {
  await using stores = await openWorkerStores();
  const registry = new RegistryStore(stores.database);
  await registry.registerDevices([deviceRegistration('dev-1')]);
  const version = await registry.applyRules([thresholdRule()]);
  await using worker = await startWorkerProcess(stores.server.url, stores.databaseUrl);
  const isProjected = async (): Promise<void> => {
    assert.equal(await stores.redis.get(redisKeys.registryVersion), version);
    assert.match((await stores.redis.get(redisKeys.epoch(0))) ?? '', /^\d+:\d+$/);
    assert.ok(await isReady(worker), 'the worker is not ready');
  };
  await eventually(isProjected);
  assert.match((await stores.redis.get(redisKeys.epoch(0))) ?? '', /:0$/);
  await stores.redis.flushall();
  await eventually(isProjected);
  assert.doesNotMatch((await stores.redis.get(redisKeys.epoch(0))) ?? '', /:0$/);
  // A reading that comes before the worker has heard of the rules again is stored, and looked at by none.
  let sent = 0;
  await eventually(async () => {
    await sendReading(stores, 99);
    sent += 1;
    assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1']);
  });
  await eventually(async () => assert.equal(await countRows(stores.database), sent));
  await assertStops(worker);
});

test('a worker whose connections to Redis go silent opens new ones', async () => {
  await using stores = await openWorkerStores();
  const { server, url } = await standBefore(stores.server.url);
  await using _server = server;
  // In the database, or the worker would take it out of the projection when it starts.
  const registry = new RegistryStore(stores.database);
  await registry.registerDevices([deviceRegistration('dev-1')]);
  const version = await registry.applyRules([thresholdRule()]);
  await using worker = await startWorkerProcess(url, stores.databaseUrl);
  await eventually(async () => {
    assert.equal(await stores.redis.get(redisKeys.registryVersion), version);
    assert.equal(await isReady(worker), true);
  });
  server.strand();
  await sendReading(stores, 99);
  await eventually(async () => {
    assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1']);
    assert.equal(await countRows(stores.database), 1);
  }, RECOVER_WITHIN_MS);
  await assertStops(worker);
});

test('a worker whose Redis is killed and comes back goes on by itself', async () => {
  await using stores = await openWorkerStores();
  const registry = new RegistryStore(stores.database);
  await registry.registerDevices([deviceRegistration('dev-1')]);
  await registry.applyRules([thresholdRule()]);
  await using worker = await startWorkerProcess(stores.server.url, stores.databaseUrl);
  await eventually(async () =>
    assert.ok(await stores.redis.hexists(redisKeys.rules, 'strong-motion'), 'the rule is not projected'),
  );
  // The worker learns of the rule a moment after it is there.
  await eventually(async () => {
    await sendReading(stores, 99);
    assert.deepEqual(await describeTransitions(stores.redis), ['raised dev-1 1']);
  });
  await stores.server.kill9();
  await eventually(async () => assert.equal(await isReady(worker), false));
  await stores.server.restart();
  await eventually(async () => assert.ok(await isReady(worker), 'the worker is not ready'));
  await eventually(() => sendReading(stores, 0));
  await eventually(async () => assert.equal((await describeTransitions(stores.redis))[1], 'cleared dev-1 2'));
  await eventually(async () => assert.ok((await countRows(stores.database)) >= 2, 'the rows are not stored'));
  await assertStops(worker);
});
