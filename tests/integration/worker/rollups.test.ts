import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appendPack, metricName, numberReading, packOf } from '../../support/admitted-packs.ts';
import { openEmbeddedDatabase } from '../../support/embedded-database.ts';
import {
  createPersistGroups,
  createPersisting,
  createReadingsStore,
  persistAll,
  readDeadLetters,
} from '../../support/persisting.ts';
import { assertRollupsAgree } from '../../support/rollups.ts';
import { countRows } from '../../support/stored-rows.ts';
import { openWorkerStores, type WorkerStores } from '../../support/worker-stores.ts';

const MINUTE_US = 60_000_000;
/** Three minutes before an hour ends, a while ago. */
const START_US = Math.floor(Date.now() / 3_600_000) * 3_600_000_000 - 3 * MINUTE_US;

interface Rollup {
  readonly time: string;
  readonly readings: number;
  readonly numbers: number;
  readonly sum: number | null;
  readonly min: number | null;
  readonly max: number | null;
}

async function readRollups(stores: WorkerStores, table: string): Promise<readonly Rollup[]> {
  const { rows } = await stores.database.query<Rollup>(
    `SELECT to_char(time AT TIME ZONE 'UTC', 'MI') AS time, readings::int, numbers::int, sum, min, max FROM ${table}
     ORDER BY device_id, metric_id, ${table}.time`,
  );
  return rows;
}

test('readings are summed up per minute and hour of their own time, numbers and others', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const readings = [1, 2, 3, 4, 5].map((minute) => numberReading('x', START_US + minute * MINUTE_US, minute));
  const texts = ['a', 'b'].map((value, at) => ({ metric: metricName('state'), timeUs: START_US + at, value }));
  await appendPack(stores.redis, { device: 'dev-1', readings: [...readings, ...texts] });
  await appendPack(stores.redis, {
    device: 'dev-1',
    readings: [numberReading('x', START_US + 5 * MINUTE_US + 1, -5)],
  });
  await persistAll(createPersisting(stores).loop, stores.redis);
  const single = (time: string, value: number) => ({
    time,
    readings: 1,
    numbers: 1,
    sum: value,
    min: value,
    max: value,
  });
  assert.deepEqual(await readRollups(stores, 'readings_minute'), [
    ...[single('58', 1), single('59', 2), single('00', 3), single('01', 4)],
    { time: '02', readings: 2, numbers: 2, sum: 0, min: -5, max: 5 },
    { time: '57', readings: 2, numbers: 0, sum: null, min: null, max: null },
  ]);
  assert.deepEqual(await readRollups(stores, 'readings_hour'), [
    { time: '00', readings: 2, numbers: 2, sum: 3, min: 1, max: 2 },
    { time: '00', readings: 4, numbers: 4, sum: 7, min: -5, max: 5 },
    { time: '00', readings: 2, numbers: 0, sum: null, min: null, max: null },
  ]);
});

test('rollups agree with the rows when packs come twice, values conflict, and four workers store the same at once', async () => {
  await using stores = await openWorkerStores();
  const packs = Array.from({ length: 200 }, (_, index) =>
    packOf({
      device: `dev-${index % 5}`,
      readings: Array.from({ length: 20 }, (__, at) =>
        numberReading('x', START_US + (((index * 7 + at * 13) % 150) * MINUTE_US) / 25, ((index * at) % 17) - 8),
      ),
    }),
  );
  const workers = Array.from({ length: 4 }, () => createReadingsStore(stores.openDatabase(stores.databaseUrl)));
  const outcomes = await Promise.allSettled(
    workers.flatMap((store, worker) =>
      Array.from({ length: 8 }, async (_, batch) => {
        const own = packs.slice(batch * 25, batch * 25 + 25);
        await store.store(worker % 2 === 0 ? own : own.toReversed());
        await store.store(own);
      }),
    ),
  );
  assert.deepEqual(new Set(outcomes.map(({ status }) => status)), new Set(['fulfilled']));
  await assertRollupsAgree(stores.database);
  const { rows } = await stores.database.query('SELECT sum(readings)::int AS readings FROM readings_minute');
  assert.deepEqual(rows, [{ readings: await countRows(stores.database) }]);
});

test('numbers whose sum no double can hold are stored and rolled up without it', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const { loop } = createPersisting(stores);
  for (const [at, value] of [1.7e308, 1.7e308, -1.7e308, 3, 9e289, 9e289].entries()) {
    await appendPack(stores.redis, { device: 'dev-1', readings: [numberReading('x', START_US + at, value)] });
    if (at % 2 === 1) await persistAll(loop, stores.redis);
  }
  assert.deepEqual(await readDeadLetters(stores.redis), []);
  assert.deepEqual(await readRollups(stores, 'readings_minute'), [
    { time: '57', readings: 6, numbers: 6, sum: 1.8e290, min: -1.7e308, max: 1.7e308 },
  ]);
});

test('the embedded database rolls up, finds conflicts and names what it refuses as PostgreSQL does', async () => {
  await using embedded = await openEmbeddedDatabase();
  const store = createReadingsStore(embedded.database);
  const pack = packOf({
    device: 'dev-1',
    readings: [numberReading('x', START_US, 1), numberReading('x', START_US + 1, 2)],
  });
  for (let delivery = 0; delivery < 2; delivery += 1) {
    const { stored, conflicts } = await store.store([pack]);
    assert.deepEqual([stored, conflicts.size], [delivery === 0 ? 2 : 0, 0]);
  }
  const { conflicts } = await store.store([
    packOf({ device: 'dev-1', readings: [numberReading('x', START_US + 1, 3)] }),
  ]);
  assert.deepEqual([...conflicts], [[0, [0]]]);
  await assertRollupsAgree(embedded.database);
});
