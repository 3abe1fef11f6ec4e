import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import { AlertLog } from '../../../platform/redis/alert-log/alert-log.ts';
import { AlertStore } from '../../../services/worker/alerts/alert-store.ts';
import { StoreAlertsLoop } from '../../../services/worker/alerts/store-alerts-loop.ts';
import { transitionRequest } from '../../support/alert-requests.ts';
import { readTransitions } from '../../support/detecting.ts';
import { eventually } from '../../support/eventually.ts';
import { openWorkerStores, type WorkerStores } from '../../support/worker-stores.ts';
import { TOKEN, FENCE } from '../../support/held.ts';
import { unheardObservers } from '../../support/worker-observers.ts';

async function startStoring(stores: WorkerStores): Promise<StoreAlertsLoop> {
  await stores.redis
    .xgroup('CREATE', redisKeys.alerts, consumerGroups.storeAlerts, '0', 'MKSTREAM')
    .catch(() => undefined);
  const connections = { reader: stores.openRedis('test-alerts'), redis: stores.redis };
  return new StoreAlertsLoop(connections, new AlertStore(stores.database), unheardObservers());
}

/** The first pass asks for what was left unacknowledged, the second for what is new. */
async function storeAll(loop: StoreAlertsLoop): Promise<void> {
  await loop.pass(TOKEN);
  await loop.pass(TOKEN);
}

async function countUnacknowledged(stores: WorkerStores): Promise<number> {
  const [count] = await stores.redis.xpending(redisKeys.alerts, consumerGroups.storeAlerts);
  return Number(count);
}

async function readAlerts(stores: WorkerStores): Promise<readonly Record<string, unknown>[]> {
  const { rows } = await stores.database.query<Record<string, unknown>>(
    `SELECT id::text, rule_id, subject, version, state, severity, status, headline, ST_AsText(position) AS position,
            (extract(epoch FROM raised_at) * 1000000)::bigint::text AS raised_us,
            (extract(epoch FROM ended_at) * 1000000)::bigint::text AS ended_us
     FROM alerts ORDER BY raised_at`,
  );
  return rows;
}

async function readStoredTransitions(stores: WorkerStores): Promise<readonly Record<string, unknown>[]> {
  const { rows } = await stores.database.query<Record<string, unknown>>(
    `SELECT alert_id::text, version, cursor, kind, actor, evidence,
            (extract(epoch FROM at) * 1000000)::bigint::text AS at_us,
            (extract(epoch FROM decided_at) * 1000000)::bigint::text AS decided_us
     FROM alert_transitions ORDER BY cursor`,
  );
  return rows;
}

async function assertStored(stores: WorkerStores): Promise<void> {
  const logged = await readTransitions(stores.redis);
  assert.deepEqual(
    await readStoredTransitions(stores),
    logged.map(
      ({ cursor, transition: { alert_id, version, kind, actor, evidence, at_us: at, decided_us: decided } }) => {
        return { alert_id, version, cursor, kind, actor, evidence, at_us: String(at), decided_us: String(decided) };
      },
    ),
  );
  assert.equal(await countUnacknowledged(stores), 0);
}

test('an alert is stored as its last transition left it, and every transition with its evidence', async () => {
  await using stores = await openWorkerStores();
  const log = new AlertLog(stores.redis);
  const loop = await startStoring(stores);
  const first = await log.append(transitionRequest('raised', 1), FENCE);
  await log.append(transitionRequest('updated', 2, { severity: 'Extreme' }), FENCE);
  await log.append(transitionRequest('cleared', 3, { severity: 'Extreme' }), FENCE);
  const second = await log.append(transitionRequest('raised', 4, { position: null, status: 'Exercise' }), FENCE);
  await storeAll(loop);
  await assertStored(stores);
  const common = { rule_id: 'strong-motion', subject: 'dev-1', headline: 'Strong motion' };
  assert.deepEqual(await readAlerts(stores), [
    {
      ...common,
      id: first?.alert_id,
      version: 3,
      state: 'cleared',
      severity: 'Extreme',
      status: 'Test',
      position: 'POINT(19.04 47.5)',
      raised_us: '1795250000000001',
      ended_us: '1795250000000003',
    },
    {
      ...common,
      id: second?.alert_id,
      version: 1,
      state: 'active',
      severity: 'Severe',
      status: 'Exercise',
      position: null,
      raised_us: '1795250000000004',
      ended_us: null,
    },
  ]);
});

test('transitions that are delivered again, by a dead worker or by two at once, are stored once', async () => {
  await using stores = await openWorkerStores();
  const log = new AlertLog(stores.redis);
  const first = await startStoring(stores);
  const second = await startStoring(stores);
  for (let at = 1; at <= 40; at += 1) {
    await log.append(transitionRequest(at % 2 === 1 ? 'raised' : 'cleared', at, { subject: `dev-${at % 3}` }), FENCE);
  }
  const store = new AlertStore(stores.database);
  await store.store(await readTransitions(stores.redis));
  await stores.redis.xreadgroup('GROUP', consumerGroups.storeAlerts, 'worker', 'STREAMS', redisKeys.alerts, '>');
  await Promise.all([storeAll(first), storeAll(second)]);
  await assertStored(stores);
});

test('an old transition that comes late does not take an alert back', async () => {
  await using stores = await openWorkerStores();
  const log = new AlertLog(stores.redis);
  await log.append(transitionRequest('raised', 1), FENCE);
  await log.append(transitionRequest('cleared', 2), FENCE);
  const [raised, cleared] = await readTransitions(stores.redis);
  const store = new AlertStore(stores.database);
  assert.ok(raised !== undefined && cleared !== undefined);
  await store.store([cleared]);
  await store.store([raised]);
  const [alert] = await readAlerts(stores);
  assert.deepEqual([alert?.version, alert?.state], [2, 'cleared']);
  assert.deepEqual([alert?.raised_us, alert?.ended_us], ['1795250000000001', '1795250000000002']);
});

test('a transition is acknowledged after its commit and not before', async () => {
  await using stores = await openWorkerStores();
  const loop = await startStoring(stores);
  await new AlertLog(stores.redis).append(transitionRequest('raised', 1), FENCE);
  const blocker = new pg.Client({ connectionString: stores.databaseUrl });
  await blocker.connect();
  try {
    await blocker.query('BEGIN');
    await blocker.query('LOCK TABLE alert_transitions IN ACCESS EXCLUSIVE MODE');
    const pass = storeAll(loop);
    await eventually(async () => {
      const { rows } = await stores.database.query('SELECT 1 FROM pg_locks WHERE NOT granted');
      assert.ok(rows.length > 0, 'nobody waits for the lock');
    });
    assert.equal(await countUnacknowledged(stores), 1);
    await blocker.query('ROLLBACK');
    await pass;
  } finally {
    await blocker.end();
  }
  await assertStored(stores);
});

test('an entry that is no transition is passed over, and the ones around it are stored', async () => {
  await using stores = await openWorkerStores();
  const log = new AlertLog(stores.redis);
  const loop = await startStoring(stores);
  await log.append(transitionRequest('raised', 1), FENCE);
  const foreign = await stores.redis.xadd(redisKeys.alerts, '*', 'transition', '{"kind":"raised"}');
  await log.append(transitionRequest('cleared', 2), FENCE);
  await storeAll(loop);
  assert.equal((await readStoredTransitions(stores)).length, 2);
  await stores.redis.xdel(redisKeys.alerts, foreign ?? '');
  await assertStored(stores);
});
