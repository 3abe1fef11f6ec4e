import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { RunLoop } from '../../../platform/lifecycle/run-loop.ts';
import { appendPack, numberReading, type DevicePack } from '../../support/admitted-packs.ts';
import { standBefore } from '../../support/cut-off-server.ts';
import { eventually } from '../../support/eventually.ts';
import { createPersistGroups, createPersisting, persistAll, readBacklog } from '../../support/persisting.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { startPostgres } from '../../support/restartable-postgres.ts';
import { countRows, expectedRows, readStoredRows } from '../../support/stored-rows.ts';
import { openWorkerStores, type WorkerStores } from '../../support/worker-stores.ts';
import { EVERY_SHARD } from '../../support/held.ts';

const NOW_US = Date.now() * 1000;
const RECOVERY_DEADLINE_MS = 20_000;
const STATEMENT_TIMEOUT_MS = 500;

async function appendMany(stores: WorkerStores, from: number, count: number): Promise<readonly DevicePack[]> {
  const packs = Array.from({ length: count }, (_, index) => ({
    device: `dev-${index % 5}`,
    readings: [numberReading('x', NOW_US + from + index, from + index)],
  }));
  for (const pack of packs) await appendPack(stores.redis, pack);
  return packs;
}

async function assertAllStored(stores: WorkerStores, packs: readonly DevicePack[]): Promise<void> {
  await eventually(
    async () => assert.deepEqual(await readBacklog(stores.redis), { unacknowledged: 0, unread: 0 }),
    RECOVERY_DEADLINE_MS,
  );
  for (const device of new Set(packs.map((pack) => pack.device))) {
    const readings = packs.filter((pack) => pack.device === device).flatMap((pack) => pack.readings);
    // The connection that this is read on may be one that was cut a moment ago.
    await eventually(async () => {
      assert.deepEqual(await readStoredRows(stores.database, device), expectedRows(readings));
    });
  }
}

test('while PostgreSQL is stopped nothing is acknowledged, and when it is back everything is stored', async () => {
  await using postgres = await startPostgres();
  await using stores = await openWorkerStores(postgres.url);
  await createPersistGroups(stores.redis);
  const { loop } = createPersisting(stores);
  const running = new RunLoop({ name: 'persist', log: stores.log, pass: () => loop.pass(EVERY_SHARD) });
  running.start();
  try {
    const before = await appendMany(stores, 0, 50);
    await assertAllStored(stores, before);
    await postgres.stop();
    const during = await appendMany(stores, 1000, 50);
    await eventually(() => assert.equal(running.healthy, false));
    const { unacknowledged, unread } = await readBacklog(stores.redis);
    assert.equal(unacknowledged + unread, during.length);
    await postgres.restart();
    await assertAllStored(stores, [...before, ...during]);
    await eventually(() => assert.equal(running.healthy, true));
  } finally {
    await running.close();
  }
});

test('a database connection that is terminated again and again in the middle of the work loses nothing', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const { loop } = createPersisting(stores, { readCount: 2 });
  const running = new RunLoop({ name: 'persist', log: stores.log, pass: () => loop.pass(EVERY_SHARD) });
  const killer = new pg.Client({ connectionString: stores.databaseUrl });
  await killer.connect();
  running.start();
  try {
    const packs: DevicePack[] = [];
    let terminated = 0;
    for (let round = 0; round < 20; round += 1) {
      packs.push(...(await appendMany(stores, round * 1000, 20)));
      const { rowCount } = await killer.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'test'`,
      );
      terminated += rowCount ?? 0;
    }
    assert.ok(terminated > 0);
    await assertAllStored(stores, packs);
  } finally {
    await running.close();
    await killer.end();
  }
});

test('a lock that holds a batch up keeps its entries unacknowledged until the commit', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const { loop } = createPersisting(stores);
  await appendMany(stores, 0, 5);
  await persistAll(loop, stores.redis);
  const blocker = new pg.Client({ connectionString: stores.databaseUrl });
  await blocker.connect();
  try {
    await blocker.query('BEGIN');
    await blocker.query('LOCK TABLE readings IN ACCESS EXCLUSIVE MODE');
    await appendMany(stores, 100, 5);
    const pass = loop.pass(EVERY_SHARD);
    await eventually(async () => {
      const { rows } = await stores.database.query(`SELECT 1 FROM pg_locks WHERE NOT granted`);
      assert.ok(rows.length > 0, 'nobody waits for the lock');
    });
    assert.equal((await readBacklog(stores.redis)).unacknowledged, 5);
    await blocker.query('COMMIT');
    await pass;
  } finally {
    await blocker.end();
  }
  assert.equal(await countRows(stores.database), 10);
  assert.deepEqual(await readBacklog(stores.redis), { unacknowledged: 0, unread: 0 });
});

test('a network that parts in the middle of a batch holds nothing up for good', async () => {
  await using database = await createTestDatabase();
  const { server, url } = await standBefore(database.url);
  await using _server = server;
  await using stores = await openWorkerStores(database.url);
  await createPersistGroups(stores.redis);
  const { loop } = createPersisting(stores, {}, stores.openDatabase(url, STATEMENT_TIMEOUT_MS));
  const running = new RunLoop({ name: 'persist', log: stores.log, pass: () => loop.pass(EVERY_SHARD) });
  running.start();
  try {
    const before = await appendMany(stores, 0, 5);
    await assertAllStored(stores, before);
    server.cutOff = true;
    const during = await appendMany(stores, 1000, 5);
    await eventually(() => assert.equal(running.healthy, false));
    const { unacknowledged, unread } = await readBacklog(stores.redis);
    assert.equal(unacknowledged + unread, during.length);
    server.cutOff = false;
    await assertAllStored(stores, [...before, ...during]);
  } finally {
    server.cutOff = false;
    await running.close();
  }
});
