import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { ResourceStack } from '../../../platform/lifecycle/resource-stack.ts';
import { PoolMetrics } from '../../../platform/postgres/pool-metrics.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { openWorkerDatabases } from '../../../services/worker/databases.ts';
import { eventually } from '../../support/eventually.ts';
import { createTestDatabase } from '../../support/postgres.ts';

const log = createLogger('test', 'silent');

test('reads that hang, however many, keep nothing from being stored', async () => {
  await using made = await createTestDatabase();
  const resources = new ResourceStack(log);
  const registry = new Registry();
  try {
    const { store, write, read } = openWorkerDatabases(
      { url: made.url, persistLanes: 1 },
      { log, resources, metrics: new PoolMetrics(registry) },
    );
    const hanging = Array.from({ length: 6 }, () => read.query('SELECT pg_sleep(20)').catch(() => undefined));
    await eventually(() => assert.ok(read.waitingCount > 0, 'the pool of reads is not exhausted'));
    const metrics = await registry.metrics();
    assert.match(metrics, /postgres_pool_connections\{pool="read",state="used"\} 2\n/);
    assert.match(metrics, /postgres_pool_connections\{pool="store",state="used"\} 0\n/);
    assert.match(metrics, /postgres_pool_waiting_requests\{pool="read"\} 4\n/);
    for (const pool of [store, write]) {
      const { rows } = await pool.query<{ answer: number }>('SELECT 1 AS answer');
      assert.deepEqual(rows, [{ answer: 1 }]);
    }
    let hang = hanging.length;
    for (const each of hanging) void each.then(() => (hang -= 1));
    await eventually(async () => {
      await store.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'telltale-worker-read' AND datname = current_database()`,
      );
      assert.equal(hang, 0);
    });
  } finally {
    await resources.close();
  }
});
