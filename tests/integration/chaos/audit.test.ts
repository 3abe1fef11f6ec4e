import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Redis } from 'ioredis';
import pg from 'pg';
import { TRANSITION_FIELD } from '../../../contracts/alert-transition.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { AlertStore } from '../../../services/worker/alerts/alert-store.ts';
import { createTransition } from '../../support/alert-requests.ts';
import { numberReading, packOf } from '../../support/admitted-packs.ts';
import { createReadingsStore } from '../../support/persisting.ts';
import { startRedis } from '../../support/redis.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { compareAlerts, compareStream, readCursor } from '../../chaos/audit/compare-alerts.ts';
import { compareReadings } from '../../chaos/audit/compare-readings.ts';
import type { LedgerReading } from '../../chaos/load/phase-ledger.ts';
import { PROBE_LIMIT, PROBE_METRIC, PROBE_RULE } from '../../chaos/load/probe-rule.ts';

const START_US = Date.now() * 1000;
const READINGS: readonly LedgerReading[] = [0, 1, 2, 3].map((index) => ({
  device: 'dev-1',
  metric: 'x',
  timeUs: START_US + index,
  value: index / 2,
}));
const SOUND = { acknowledged: 4, stored: 4, lost: 0, altered: 0, oldestLostUs: null, duplicated: 0 };

let made: TestDatabase;
let database: pg.Pool;

before(async () => {
  made = await createTestDatabase();
  database = new pg.Pool({ connectionString: made.url, max: 2 });
  const readings = READINGS.map(({ metric, timeUs, value }) => numberReading(metric, timeUs, value));
  await createReadingsStore(database).store([packOf({ device: 'dev-1', readings })]);
});
after(async () => {
  await database.end();
  await made[Symbol.asyncDispose]();
});

test('a store that has what was acknowledged is found sound', async () => {
  assert.deepEqual(await compareReadings(made.url, READINGS), SOUND);
});

test('an acknowledged reading that is not there is lost', async () => {
  const other = { device: 'dev-1', metric: 'x', timeUs: START_US + 9, value: 1 };
  const unknown = { device: 'dev-2', metric: 'x', timeUs: START_US, value: 1 };
  const verdict = await compareReadings(made.url, [...READINGS, other, unknown]);
  assert.deepEqual(verdict, { ...SOUND, acknowledged: 6, lost: 2, oldestLostUs: START_US });
});

test('a reading that is there with another value is altered', async () => {
  const changed = READINGS.map((reading, index) => (index === 2 ? { ...reading, value: 7 } : reading));
  assert.deepEqual(await compareReadings(made.url, changed), { ...SOUND, altered: 1 });
});

for (const { what, change, undo, duplicated } of [
  {
    what: 'a rollup that counts a reading twice is found',
    change: 'UPDATE readings_minute SET readings = readings + 1',
    undo: 'UPDATE readings_minute SET readings = readings - 1',
    duplicated: 1,
  },
  {
    what: 'a rollup that leaves readings out is found',
    change: 'UPDATE readings_hour SET readings = readings - 2',
    undo: 'UPDATE readings_hour SET readings = readings + 2',
    duplicated: 2,
  },
]) {
  test(what, async () => {
    await database.query(change);
    assert.deepEqual(await compareReadings(made.url, READINGS), { ...SOUND, duplicated });
    await database.query(undo);
  });
}

test('alerts that were not raised or cleared are found', async () => {
  const probes: readonly LedgerReading[] = [PROBE_LIMIT + 1, 0, PROBE_LIMIT + 1].map((value, index) => ({
    device: 'dev-1',
    metric: PROBE_METRIC,
    timeUs: START_US + index,
    value,
  }));
  const expect = (missed: number) => ({ expected: 3, missed, slowestS: 0 });
  assert.deepEqual(await compareAlerts(made.url, [...READINGS, ...probes]), expect(3));

  const store = new AlertStore(database);
  const transition = (kind: 'raised' | 'cleared', alert: number, version: number, atUs: number) =>
    createTransition(kind, { rule: PROBE_RULE.id, alert, version, atUs });
  await store.store([
    { cursor: '1-0', transition: transition('raised', 1, 1, START_US) },
    { cursor: '2-0', transition: transition('cleared', 1, 2, START_US + 1) },
  ]);
  assert.deepEqual(await compareAlerts(made.url, probes), expect(1));
  await store.store([{ cursor: '3-0', transition: transition('raised', 2, 1, START_US + 2) }]);
  assert.deepEqual(await compareAlerts(made.url, probes), expect(0));
});

test('a transition that went out twice is found on the stream, and one that no reading explains', async () => {
  await using server = await startRedis();
  const redis = new Redis(server.url);
  const add = (kind: 'raised' | 'cleared', atUs: number) =>
    redis.xadd(
      redisKeys.alerts,
      '*',
      TRANSITION_FIELD,
      JSON.stringify(createTransition(kind, { rule: PROBE_RULE.id, alert: 1, version: 1, atUs })),
    );
  await add('raised', START_US - 9);
  const cursor = await readCursor(redis);
  const probes = [PROBE_LIMIT + 1, 0].map((value, index) => ({
    ...{ device: 'dev-1', metric: PROBE_METRIC },
    ...{ timeUs: START_US + index, value },
  }));
  await add('raised', START_US);
  await add('cleared', START_US + 1);
  assert.deepEqual(await compareStream(redis, cursor, probes), { doubled: 0, unexplained: 0 });
  await add('raised', START_US);
  await add('raised', START_US + 5);
  assert.deepEqual(await compareStream(redis, cursor, probes), { doubled: 1, unexplained: 1 });
  redis.disconnect();
});
