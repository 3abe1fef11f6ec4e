import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pool } from 'pg';
import { Partitions } from '../../../services/worker/persist/partitions.ts';
import { Retention, type KeepDays } from '../../../services/worker/persist/retention.ts';
import { numberReading, packOf } from '../../support/admitted-packs.ts';
import { eventually } from '../../support/eventually.ts';
import { createReadingsStore } from '../../support/persisting.ts';
import { assertRollupsAgree } from '../../support/rollups.ts';
import { openWorkerStores, type WorkerStores } from '../../support/worker-stores.ts';
import { unheardObservers } from '../../support/worker-observers.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 2, 10, 12);
const FOREVER = {
  readings: undefined,
  device_positions: undefined,
  readings_minute: undefined,
  readings_hour: undefined,
};

function createRetention(stores: WorkerStores, keep: Partial<KeepDays>, database = stores.database): Retention {
  return new Retention(database, new Partitions(database), { ...FOREVER, ...keep }, unheardObservers());
}

/** What the names of a table's partitions end in. */
async function partitionsOf(database: Pool, table: string): Promise<readonly string[]> {
  const { rows } = await database.query<{ name: string }>(
    'SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::regclass ORDER BY 1',
    [table],
  );
  return rows.map(({ name }) => name.slice(`${table}_p`.length));
}

const storeAt = (stores: WorkerStores, days: readonly number[]) =>
  createReadingsStore(stores.database).store(
    days.map((day) => packOf({ device: 'dev-1', readings: [numberReading('x', (NOW_MS + day * DAY_MS) * 1000, day)] })),
  );

test('partitions of today and the next two days are there before a row is', async () => {
  await using stores = await openWorkerStores();
  await createRetention(stores, {}).check(Date.UTC(2026, 1, 27, 23, 59));
  for (const table of ['readings', 'device_positions', 'readings_minute']) {
    assert.deepEqual(await partitionsOf(stores.database, table), ['20260227', '20260228', '20260301']);
  }
  assert.deepEqual(await partitionsOf(stores.database, 'readings_hour'), ['202602', '202603']);
});

test('a partition goes when all of it is older than what its table keeps, and the other tables stay', async () => {
  await using stores = await openWorkerStores();
  await storeAt(stores, [-40, -4, -3, -2, -1, 0]);
  const ahead = ['20260310', '20260311', '20260312'];
  // The 7th ended two and a half days before now, the 8th one and a half.
  await createRetention(stores, { readings: 2, readings_hour: 9 }).check(NOW_MS);
  assert.deepEqual(await partitionsOf(stores.database, 'readings'), ['20260308', '20260309', ...ahead]);
  assert.deepEqual(await partitionsOf(stores.database, 'readings_minute'), [
    ...['20260129', '20260306', '20260307', '20260308', '20260309'],
    ...ahead,
  ]);
  assert.deepEqual(await partitionsOf(stores.database, 'readings_hour'), ['202603']);
});

test('a reading that comes for a day that was dropped is stored, and stays until the next time', async () => {
  await using stores = await openWorkerStores();
  const store = createReadingsStore(stores.database);
  const late = (value: number) =>
    packOf({ device: 'dev-1', readings: [numberReading('x', (NOW_MS - 5 * DAY_MS) * 1000 + value, value)] });
  await store.store([late(1)]);
  await createRetention(stores, { readings: 2 }).check(NOW_MS);
  // This store believes that the partition is there: it finds out, and the batch is tried again.
  await eventually(async () => assert.equal((await store.store([late(2)])).stored, 1));
  assert.deepEqual((await partitionsOf(stores.database, 'readings'))[0], '20260305');
});

test('a partition that somebody reads for long is not waited for', async () => {
  await using stores = await openWorkerStores();
  await storeAt(stores, [-5, 0]);
  const reader = await stores.database.connect();
  try {
    await reader.query('BEGIN');
    await reader.query('SELECT count(*) FROM readings');
    const database = stores.openDatabase(stores.databaseUrl);
    await assert.rejects(createRetention(stores, { readings: 2 }, database).check(NOW_MS), /lock timeout/);
    await createReadingsStore(database).store([
      packOf({ device: 'dev-2', readings: [numberReading('x', NOW_MS * 1000, 1)] }),
    ]);
    await reader.query('COMMIT');
  } finally {
    reader.release();
  }
  await createRetention(stores, { readings: 2 }).check(NOW_MS);
  assert.equal((await partitionsOf(stores.database, 'readings'))[0], '20260310');
  await assert.rejects(assertRollupsAgree(stores.database), 'the rollups keep what the readings do not');
});
