import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { RunLoop } from '../../../platform/lifecycle/run-loop.ts';
import { appendPack, numberReading, packOf } from '../../support/admitted-packs.ts';
import { EVERY_SHARD } from '../../support/held.ts';
import {
  createPersistGroups,
  createPersisting,
  createReadingsStore,
  persistAll,
  readBacklog,
  readDeadLetters,
} from '../../support/persisting.ts';
import { assertRollupsAgree } from '../../support/rollups.ts';
import { countRows } from '../../support/stored-rows.ts';
import { openWorkerStores } from '../../support/worker-stores.ts';

const START_US = Date.now() * 1000;
const pack = (device: string, ...times: readonly number[]) =>
  packOf({ device, readings: times.map((at) => numberReading('x', START_US + at, at)) });

/** Statements that store readings, as they are sent. */
function countInserts(
  database: Pool,
  onInsert: () => void = () => undefined,
): { readonly counts: { plain: number; careful: number }; readonly pool: Pool } {
  const counts = { plain: 0, careful: 0 };
  const pool = new Proxy(database, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...args: readonly unknown[]): unknown => {
        const [sql] = args;
        if (name === 'query' && typeof sql === 'string' && sql.includes('INSERT INTO readings\n')) {
          counts[sql.includes('ON CONFLICT DO NOTHING') ? 'careful' : 'plain'] += 1;
          onInsert();
        }
        return Reflect.apply(member, target, args);
      };
    },
  });
  return { counts, pool };
}

test('a batch is stored as if it were new; one that has a row that is there leaves that out and makes the next ones careful', async () => {
  await using stores = await openWorkerStores();
  const { counts, pool } = countInserts(stores.database);
  const store = createReadingsStore(pool);
  assert.equal((await store.store([pack('dev-1', 1, 2), pack('dev-2', 1)])).stored, 3);
  assert.deepEqual(counts, { plain: 1, careful: 0 });

  const again = await store.store([pack('dev-1', 2, 3), pack('dev-3', 1)]);
  assert.deepEqual([again.stored, again.offered, again.conflicts.size], [2, 3, 0]);
  assert.deepEqual(counts, { plain: 2, careful: 1 });
  for (let batch = 0; batch < 64; batch += 1) await store.store([pack('dev-4', batch)]);
  assert.deepEqual(counts, { plain: 2, careful: 65 });
  await store.store([pack('dev-4', 64)]);
  assert.deepEqual(counts, { plain: 3, careful: 65 });
  assert.equal(await countRows(stores.database), 70);
  await assertRollupsAgree(stores.database);
});

test('a key that a batch has twice is stored once, with its first value', async () => {
  await using stores = await openWorkerStores();
  const store = createReadingsStore(stores.database);
  const other = packOf({ device: 'dev-1', readings: [numberReading('x', START_US + 1, 99)] });
  const result = await store.store([pack('dev-2', 1), pack('dev-1', 1), other]);
  assert.deepEqual([result.stored, [...result.conflicts]], [2, [[2, [0]]]]);
  await assertRollupsAgree(stores.database);
});

test('what comes in drops is stored in few statements, and what waits in one', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const { counts, pool } = countInserts(stores.database);
  const { loop } = createPersisting(stores, { batchMs: 200, readCount: 2000 }, pool);
  for (let at = 0; at < 300; at += 1) {
    await appendPack(stores.redis, { device: `dev-${at % 7}`, readings: [numberReading('x', START_US + at, at)] });
  }
  await loop.pass(EVERY_SHARD);
  await persistAll(loop, stores.redis);
  // The first read does not know yet how small the packs are.
  assert.ok(counts.plain <= 3, String(counts.plain));

  counts.plain = 0;
  const running = new RunLoop({ name: 'persist', log: stores.log, pass: () => loop.pass(EVERY_SHARD) });
  running.start();
  const beganMs = performance.now();
  for (let at = 300; at < 350; at += 1) {
    await appendPack(stores.redis, { device: 'dev-1', readings: [numberReading('x', START_US + at, at)] });
    await delay(10);
  }
  await running.close();
  await persistAll(loop, stores.redis);
  // One in 200 ms, however long a busy machine takes, and those of the begin and the end.
  const most = 4 + (performance.now() - beganMs) / 200;
  assert.ok(counts.plain >= 2 && counts.plain <= Math.min(most, 25), `${counts.plain} of ${most}`);
  assert.equal(await countRows(stores.database), 350);
});

test('a pass that is told to stop leaves the batches that have not begun, unacknowledged, to the next one', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const stop = new AbortController();
  const { counts, pool } = countInserts(stores.database, () => {
    if (counts.plain === 2) stop.abort();
  });
  const { loop } = createPersisting(stores, { batchReadings: 10, readCount: 2000 }, pool);
  const append = (fromUs: number, count: number): Promise<string> => {
    const times = Array.from({ length: count }, (_, index) => fromUs + index);
    return appendPack(stores.redis, { device: 'dev-1', readings: times.map((at) => numberReading('x', at, 1)) });
  };
  // It reads as many entries as make a batch of the size that it knows, which these then exceed.
  await append(START_US, 1);
  await persistAll(loop, stores.redis);
  for (let at = 1; at <= 3; at += 1) await append(START_US + at * 100, 10);
  await loop.pass(EVERY_SHARD, stop.signal);
  const stored = await countRows(stores.database);
  assert.deepEqual([stored, await readBacklog(stores.redis)], [11, { unacknowledged: 2, unread: 0 }]);
  await persistAll(createPersisting(stores).loop, stores.redis);
  assert.equal(await countRows(stores.database), 31);
});

test('a batch that the database does not store in time is stored in halves, and nothing of it is a dead letter', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const slow = new Proxy(stores.database, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...args: readonly unknown[]): unknown => {
        const [sql, parameters] = args;
        const isInsert = name === 'query' && typeof sql === 'string' && sql.includes('INSERT INTO readings\n');
        const devices: unknown = Array.isArray(parameters) ? parameters[0] : undefined;
        // The number of elements of the first array.
        const rows = devices instanceof Buffer ? devices.readInt32BE(12) : 0;
        if (isInsert && rows > 5) return Promise.reject(new Error('Query read timeout'));
        return Reflect.apply(member, target, args);
      };
    },
  });
  for (let at = 0; at < 40; at += 1) {
    await appendPack(stores.redis, { device: `dev-${at % 3}`, readings: [numberReading('x', START_US + at, at)] });
  }
  await persistAll(createPersisting(stores, {}, slow).loop, stores.redis);
  assert.equal(await countRows(stores.database), 40);
  assert.deepEqual(await readDeadLetters(stores.redis), []);
});
