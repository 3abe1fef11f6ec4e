import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { TRANSITION_FIELD } from '../../../contracts/alert-transition.ts';
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

test('a batch leaves what its transitions leave when they come one by one, wherever it is cut', async () => {
  await using stores = await openWorkerStores();
  const store = new AlertStore(stores.database);
  const log = new AlertLog(stores.redis);
  const subjects = ['dev-1', 'dev-2', 'dev-3'];
  for (let at = 1; at <= 36; at += 1) {
    const kind = (['raised', 'updated', 'updated', 'cleared'] as const)[Math.floor((at - 1) / 3) % 4]!;
    const severity = at % 5 === 0 ? 'Extreme' : 'Severe';
    await log.append(transitionRequest(kind, at, { subject: subjects[at % 3]!, severity }), FENCE);
  }
  const logged = (await readTransitions(stores.redis)).map(({ cursor, transition }) => {
    const by = (['ana', 'ben', 'ben', undefined] as const)[transition.version % 4];
    return { cursor, transition: { ...transition, ...(by !== undefined && { acknowledged_by: by }) } };
  });
  const read = async () => {
    const { rows } = await stores.database.query('SELECT * FROM alerts ORDER BY raised_at');
    const kept = await readStoredTransitions(stores);
    await stores.database.query('TRUNCATE alerts CASCADE');
    return { rows, kept };
  };
  for (const one of logged) await store.store([one]);
  const expected = await read();
  assert.equal(expected.kept.length, 36);
  for (const size of [2, 5, 7, 36]) {
    for (let start = 0; start < logged.length; start += size) {
      // What stood before is delivered again, and out of order.
      await store.store(logged.slice(Math.max(0, start - 4), start + size).reverse());
    }
    assert.deepEqual(await read(), expected, `in batches of ${size}`);
  }
});

test('ten thousand transitions at once are stored in seconds', async () => {
  await using stores = await openWorkerStores();
  const loop = await startStoring(stores);
  const appending = stores.redis.pipeline();
  const request = transitionRequest('raised', 1);
  await new AlertLog(stores.redis).append(request, FENCE);
  const [model] = await readTransitions(stores.redis);
  assert.ok(model !== undefined);
  for (let at = 1; at <= 10_000; at += 1) {
    const id = `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`;
    const transition = JSON.stringify({ ...model.transition, alert_id: id, subject: `dev-${at}` });
    appending.xadd(redisKeys.alerts, '*', TRANSITION_FIELD, transition);
  }
  await appending.exec();
  const begun = performance.now();
  for (;;) {
    await loop.pass(TOKEN);
    const { rows } = await stores.database.query<{ count: number }>('SELECT count(*)::int FROM alert_transitions');
    if (rows[0]?.count === 10_001) break;
    assert.ok(performance.now() - begun < 20_000, `${rows[0]?.count} are stored after 20 s`);
  }
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
