import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SecurityEventStore } from '../../../platform/postgres/security-event-store.ts';
import { AgedRows } from '../../../services/worker/persist/aged-rows.ts';
import { securityEvent } from '../../support/security-events.ts';
import { openWorkerStores, type WorkerStores } from '../../support/worker-stores.ts';
import { unheardObservers } from '../../support/worker-observers.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 2, 10, 12);
const GOES_ON = new AbortController().signal;

async function storeRequests(stores: WorkerStores, days: readonly number[]): Promise<void> {
  await stores.database.query(
    `INSERT INTO registry_requests (id, kind, outcome, decided_at)
     SELECT 'request ' || day, 'key', '{}', to_timestamp($2::float8 / 1000) - day * interval '1 day'
     FROM unnest($1::float8[]) AS given (day)`,
    [days, NOW_MS],
  );
}

async function agesOf(stores: WorkerStores, table: string, time: string): Promise<readonly number[]> {
  const { rows } = await stores.database.query<{ age: number }>(
    `SELECT extract(epoch FROM to_timestamp($1::float8 / 1000) - ${time})::float8 / 86400 AS age FROM ${table} ORDER BY 1`,
    [NOW_MS],
  );
  return rows.map(({ age }) => age);
}

test('security events and requests go when they are older than what is kept, however many they are', async () => {
  await using stores = await openWorkerStores();
  const old = Array.from({ length: 6000 }, () => securityEvent({ at_ms: NOW_MS - 9 * DAY_MS }));
  const young = [2.5, 1, 0].map((days) => securityEvent({ at_ms: NOW_MS - days * DAY_MS }));
  await new SecurityEventStore(stores.database).store([...old, ...young]);
  await storeRequests(stores, [40, 29, 0]);
  const aged = new AgedRows(stores.database, { security_events: 2, registry_requests: 30 }, unheardObservers());
  await aged.check(NOW_MS, GOES_ON);
  assert.deepEqual(await agesOf(stores, 'security_events', 'at'), [0, 1]);
  assert.deepEqual(await agesOf(stores, 'registry_requests', 'decided_at'), [0, 29]);
});

test('a worker that stops deletes no more, and two at once do not wait for each other', async () => {
  await using stores = await openWorkerStores();
  await new SecurityEventStore(stores.database).store(Array.from({ length: 6000 }, () => securityEvent({ at_ms: 0 })));
  const keep = { security_events: 1, registry_requests: undefined };
  const aged = new AgedRows(stores.database, keep, unheardObservers());
  await aged.check(NOW_MS, AbortSignal.abort());
  assert.equal((await agesOf(stores, 'security_events', 'at')).length, 6000);
  const other = await stores.database.connect();
  try {
    await other.query('BEGIN');
    await other.query('SELECT 1 FROM security_events ORDER BY at, id LIMIT 10 FOR UPDATE');
    await aged.check(NOW_MS, GOES_ON);
    assert.equal((await agesOf(stores, 'security_events', 'at')).length, 10);
  } finally {
    await other.query('ROLLBACK');
    other.release();
  }
});

test('a table that keeps its rows for ever keeps them', async () => {
  await using stores = await openWorkerStores();
  await new SecurityEventStore(stores.database).store([securityEvent({ at_ms: 0 })]);
  await storeRequests(stores, [1000]);
  const forever = { security_events: undefined, registry_requests: undefined };
  await new AgedRows(stores.database, forever, unheardObservers()).check(NOW_MS, GOES_ON);
  assert.equal((await agesOf(stores, 'security_events', 'at')).length, 1);
  assert.deepEqual(await agesOf(stores, 'registry_requests', 'decided_at'), [1000]);
});
