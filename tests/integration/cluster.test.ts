import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { shardOf } from '../../contracts/shard.ts';
import { openRedis } from '../../platform/redis/open-redis.ts';
import { RegistryStore } from '../../platform/postgres/registry-store.ts';
import { createLogger } from '../../platform/log/logger.ts';
import { openPostgres } from '../../platform/postgres/open-postgres.ts';
import { thresholdRule } from '../support/detecting.ts';
import { findFreePort } from '../../scripts/process/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { assertAccepted, assertProblem } from '../support/problem-assertions.ts';
import { send } from '../support/raw-http.ts';
import { startIngestHere } from '../support/running-ingest.ts';
import { SignedDevice } from '../support/signed-device.ts';
import { startRedisCluster } from '../support/started-cluster.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import { SHARD_COUNT } from '../support/worker-stores.ts';

/** A failover and the time until everybody knows of it. */
const FAILOVER_MS = 30_000;
const RULE = thresholdRule({ scope: { metrics: ['pga'] }, when: 'beyond', limit: 1, clear_limit: 0.5 });

function onePerShard(): readonly SignedDevice[] {
  const devices = new Map<number, SignedDevice>();
  for (let number = 0; devices.size < SHARD_COUNT; number += 1) {
    const device = new SignedDevice(`dev-${number}`);
    const shard = shardOf(device.id, SHARD_COUNT);
    if (!devices.has(shard)) devices.set(shard, device);
  }
  return [...devices.values()];
}

test('on a Redis Cluster readings are stored and alerts raised, also after a master was killed and its replica took over', async () => {
  await using cluster = await startRedisCluster();
  await using made = await createTestDatabase();
  const log = createLogger('test', 'silent');
  const database = openPostgres({ url: made.url, name: 'test', maxConnections: 2 }, log);
  const redis = openRedis({ url: cluster.url, name: 'test', manner: 'patient' }, log);
  try {
    const devices = onePerShard();
    const registry = new RegistryStore(database);
    await registry.applyRules([RULE]);
    await registry.registerDevices(devices.map((device) => device.registration()));
    await using _worker = await startWorkerProcess(cluster.url, made.url);
    await using ingest = await startIngestHere(cluster.url, {
      TELLTALE_INGEST_WAIT_REPLICAS: '1',
      TELLTALE_INGEST_WAIT_MS: '1000',
    });
    let stored = 0;
    /** Each device sends one reading, again and again until it is acknowledged. */
    const sendAll = async (value: number): Promise<void> => {
      for (const device of devices) {
        await eventually(async () => {
          const body = JSON.stringify([{ n: 'pga', u: 'm/s2', v: value, t: Date.now() / 1000 }]);
          assertAccepted(await send(ingest.port, device.request({ body })), 1);
        }, FAILOVER_MS);
        stored += 1;
      }
      await eventually(async () => {
        const { rows } = await database.query<{ readings: number }>('SELECT count(*)::int AS readings FROM readings');
        // A reading that was refused for its outcome may be there all the same.
        assert.ok((rows[0]?.readings ?? 0) >= stored, `${rows[0]?.readings} of ${stored}`);
      }, FAILOVER_MS);
    };
    const active = async (): Promise<number> => {
      const { rows } = await database.query<{ alerts: number }>(
        `SELECT count(*)::int AS alerts FROM alerts WHERE state = 'active'`,
      );
      return rows[0]?.alerts ?? 0;
    };

    await sendAll(2);
    await eventually(async () => assert.equal(await active(), devices.length));
    const [device] = devices;
    assert.ok(device !== undefined);
    const replayed = device.request();
    assertAccepted(await send(ingest.port, replayed), 1);
    assertProblem(await send(ingest.port, replayed), 409, 'replay-detected');

    // A shard's, and that of the alerts.
    for (const key of [redisKeys.readings(shardOf(device.id, SHARD_COUNT)), redisKeys.alerts]) {
      const fromIt = await cluster.urlFrom(key);
      const startAgain = await cluster.killMasterOf(key);
      // The replica is the master then, and has none of its own: what waits for one is not acknowledged.
      await eventually(async () => assert.equal(await redis.exists(key), 1), FAILOVER_MS);
      await using another = await startWorkerProcess(fromIt, made.url);
      await eventually(async () => assert.equal((await fetch(`${another.adminUrl}/readyz`)).status, 200), FAILOVER_MS);
      await startAgain();
      await sendAll(0);
      await eventually(async () => assert.equal(await active(), 0), FAILOVER_MS);
      await sendAll(2);
      await eventually(async () => assert.equal(await active(), devices.length), FAILOVER_MS);
      assertProblem(await send(ingest.port, replayed), 409, 'replay-detected');
    }
  } finally {
    redis.disconnect();
    await database.end();
  }
});

test('a cluster of which no node answers is not waited for', async () => {
  const url = `redis://127.0.0.1:${await findFreePort()},redis://127.0.0.1:${await findFreePort()}`;
  for (const manner of ['patient', 'fail-fast'] as const) {
    const redis = openRedis({ url, name: 'test', manner }, createLogger('test', 'silent'));
    try {
      await assert.rejects(redis.get('key'));
    } finally {
      redis.disconnect();
    }
  }
});
