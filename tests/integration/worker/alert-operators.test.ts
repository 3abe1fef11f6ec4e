import assert from 'node:assert/strict';
import { test } from 'node:test';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import { AlertLog, type OperatorAction } from '../../../platform/redis/alert-log/alert-log.ts';
import { AlertStore } from '../../../services/worker/alerts/alert-store.ts';
import { PruneAlerts } from '../../../services/worker/alerts/prune-alerts.ts';
import { StoreAlertsLoop } from '../../../services/worker/alerts/store-alerts-loop.ts';
import { appendPack, numberReading } from '../../support/admitted-packs.ts';
import { transitionRequest } from '../../support/alert-requests.ts';
import {
  createDetecting,
  describeTransitions,
  projectDevice,
  projectRule,
  readTransitions,
  thresholdRule,
} from '../../support/detecting.ts';
import { EVERY_SHARD, FENCE, TOKEN } from '../../support/held.ts';
import { openWorkerStores, type WorkerStores } from '../../support/worker-stores.ts';
import { unheardObservers } from '../../support/worker-observers.ts';

const FIELD = 'strong-motion|dev-1';

function act(log: AlertLog, alertId: string | undefined, kind: OperatorAction['kind'], note?: string) {
  return log.appendByOperator({ field: FIELD, alertId: alertId ?? '', kind, name: 'ana', note });
}

test('who acknowledges an alert is told with it until it ends, and the next one begins without', async () => {
  await using stores = await openWorkerStores();
  const log = new AlertLog(stores.redis);
  const raised = await log.append(transitionRequest('raised', 1), FENCE);
  const acknowledged = await act(log, raised?.alert_id, 'updated', 'On my way.');
  assert.deepEqual(
    [acknowledged?.version, acknowledged?.actor, acknowledged?.acknowledged_by, acknowledged?.note],
    [2, 'operator:ana', 'ana', 'On my way.'],
  );
  assert.deepEqual(acknowledged?.evidence, raised?.evidence);
  const updated = await log.append(transitionRequest('updated', 2, { severity: 'Extreme' }), FENCE);
  assert.deepEqual(
    [updated?.version, updated?.actor, updated?.acknowledged_by, updated?.note],
    [3, 'detection', 'ana', undefined],
  );
  const cleared = await log.append(transitionRequest('cleared', 3), FENCE);
  assert.equal(cleared?.acknowledged_by, 'ana');
  assert.equal(await act(log, raised?.alert_id, 'cancelled'), undefined, 'it is over');
  const next = await log.append(transitionRequest('raised', 4), FENCE);
  assert.deepEqual([next?.version, next?.acknowledged_by], [1, undefined]);
  assert.equal(await act(log, raised?.alert_id, 'cancelled'), undefined, 'it is another one by now');

  await stores.redis.xgroup('CREATE', redisKeys.alerts, consumerGroups.storeAlerts, '0').catch(() => undefined);
  const connections = { reader: stores.openRedis('test-alerts'), redis: stores.redis };
  const loop = new StoreAlertsLoop(connections, new AlertStore(stores.database), unheardObservers());
  for (let pass = 0; pass < 2; pass += 1) await loop.pass(TOKEN);
  const { rows } = await stores.database.query(
    `SELECT version, acknowledged_by, (extract(epoch FROM acknowledged_at) * 1000000)::bigint::text AS at FROM alerts
     ORDER BY version DESC`,
  );
  assert.deepEqual(rows, [
    { version: 4, acknowledged_by: 'ana', at: String(acknowledged?.decided_us) },
    { version: 1, acknowledged_by: null, at: null },
  ]);
  const notes = await stores.database.query('SELECT note FROM alert_transitions WHERE note IS NOT NULL');
  assert.deepEqual(notes.rows, [{ note: 'On my way.' }]);
});

test('operators and detection that race leave one life of the alert, with each version once', async () => {
  await using stores = await openWorkerStores();
  const logs = Array.from({ length: 6 }, (_, index) => new AlertLog(stores.openRedis(`test-${index}`)));
  const raised = await logs[0]?.append(transitionRequest('raised', 1), FENCE);
  // Each is refused for a while by all that come between, and gives up at last.
  const outcomes = await Promise.allSettled(
    logs.map((log, index) =>
      index % 2 === 0
        ? act(log, raised?.alert_id, 'updated')
        : log.append(transitionRequest('updated', 2 + index), FENCE),
    ),
  );
  const versions = (await readTransitions(stores.redis)).map(({ transition }) => transition.version);
  assert.deepEqual(
    versions,
    Array.from({ length: versions.length }, (_, index) => index + 1),
  );
  const written = outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value !== undefined);
  assert.equal(written.length, versions.length - 1);
});

let shaken = 0;

/** Each later than the one before, also within a millisecond. */
async function shake(stores: WorkerStores, value: number): Promise<void> {
  shaken += 1;
  await appendPack(stores.redis, {
    device: 'dev-1',
    readings: [numberReading('x', Date.now() * 1000 + shaken, value)],
  });
}

test('a cancelled alert comes back when what it was about comes back, and not before, also by another worker', async () => {
  await using stores = await openWorkerStores();
  const { redis } = stores;
  await projectRule(redis, thresholdRule());
  await projectDevice(redis, 'dev-1');
  const first = createDetecting({ reader: stores.openRedis('test-detect'), redis }).loop;
  await shake(stores, 11);
  await first.pass(EVERY_SHARD);
  const [raised] = await readTransitions(redis);
  await act(new AlertLog(redis), raised?.transition.alert_id, 'cancelled', 'A truck.');
  await shake(stores, 12);
  await first.pass(EVERY_SHARD);
  await first.checkpoint();
  const second = createDetecting({ reader: stores.openRedis('test-detect-2'), redis }).loop;
  for (const value of [13, 4, 14]) await shake(stores, value);
  await second.pass(EVERY_SHARD);
  assert.deepEqual(await describeTransitions(redis), ['raised dev-1 1', 'cancelled dev-1 2', 'raised dev-1 1']);
});

test('alerts are forgotten a while after their end, and active ones are not', async () => {
  await using stores = await openWorkerStores();
  const { redis } = stores;
  const log = new AlertLog(redis);
  for (const subject of ['over', 'again', 'active']) {
    await log.append(transitionRequest('raised', 1, { subject }), FENCE);
    if (subject !== 'active') await log.append(transitionRequest('cleared', 2, { subject }), FENCE);
  }
  await log.append(transitionRequest('raised', 3, { subject: 'again' }), FENCE);
  const cancelled = await log.append(transitionRequest('raised', 1), FENCE);
  await act(log, cancelled?.alert_id, 'cancelled');
  const known = async (key: string): Promise<readonly string[]> =>
    (await redis.hkeys(key)).map((field) => field.slice('strong-motion|'.length)).sort();
  const prune = new PruneAlerts(redis);
  const causedMs = transitionRequest('raised', 1).cause.entryMs;
  await prune.pass(causedMs);
  assert.deepEqual(await known(redisKeys.alertRecords), ['active', 'again', 'dev-1', 'over']);
  assert.deepEqual(await known(redisKeys.alertState), ['active', 'again', 'dev-1', 'over']);
  await prune.pass(Date.now() + 3_601_000);
  assert.deepEqual(await known(redisKeys.alertRecords), ['active', 'again']);
  await prune.pass(causedMs + 86_401_000);
  // What was taken back may go on, and must not be raised again because nobody remembers.
  assert.deepEqual(await known(redisKeys.alertState), ['active', 'again', 'dev-1']);
  assert.equal((await log.append(transitionRequest('raised', 9, { subject: 'over' }), FENCE))?.version, 1);
});
