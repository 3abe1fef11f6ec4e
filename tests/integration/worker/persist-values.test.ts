import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Reading } from '../../../core/telemetry/reading.ts';
import { appendPack, metricName } from '../../support/admitted-packs.ts';
import { createPersistGroups, createPersisting, persistAll } from '../../support/persisting.ts';
import { countRows, expectedRows, readStoredRows } from '../../support/stored-rows.ts';
import { openWorkerStores } from '../../support/worker-stores.ts';

const DAY_US = 86_400_000_000;
const NOW_US = Date.now() * 1000;
/** One unit for each metric: the first reading sets it for good. */
const UNITS: Readonly<Record<string, string | undefined>> = {
  x: 'm/s2',
  temperature: 'Cel',
  state: undefined,
  constructor: undefined,
  'a.b-c_D.9': '%RH',
};

const double = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(
    -0,
    5e-324,
    -5e-324,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
    2 ** 53 + 2,
    0.1,
    1e21,
    2.2250738585072014e-308,
  ),
);
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 200 }).filter((value) => !value.includes('\0')),
  fc.constantFrom('', 'NULL', 'null', '{}', '"', '\\', `{"a",b}`, "'; --", '\u202e\ud83c\udf0b\uffff', '\u0001\r\n\t'),
);
const reading: fc.Arbitrary<Reading> = fc
  .record({
    metric: fc.constantFrom(...Object.keys(UNITS)),
    timeUs: fc.integer({ min: NOW_US - 7 * DAY_US, max: NOW_US + 30_000_000 }),
    value: fc.option(fc.oneof(double, text, fc.boolean()), { nil: undefined }),
    sum: fc.option(double, { nil: undefined }),
  })
  .filter(({ value, sum }) => value !== undefined || sum !== undefined)
  .map(({ metric, ...rest }) => ({ metric: metricName(metric), unit: UNITS[metric], ...rest }));
const packs = fc.array(
  fc.uniqueArray(reading, { minLength: 1, maxLength: 40, selector: ({ metric, timeUs }) => `${metric} ${timeUs}` }),
  { minLength: 1, maxLength: 5 },
);

test('every value, type, unit and microsecond of a pack is in its row', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const { loop } = createPersisting(stores);
  await fc.assert(
    fc.asyncProperty(packs, async (generated) => {
      const device = `urn:dev:test:${randomUUID()}`;
      const seen = new Set<string>();
      const distinct: Reading[] = [];
      for (const readings of generated) {
        await appendPack(stores.redis, { device, readings });
        for (const one of readings) {
          const key = `${one.metric} ${one.timeUs}`;
          if (!seen.has(key)) distinct.push(one);
          seen.add(key);
        }
      }
      await persistAll(loop, stores.redis);
      assert.deepEqual(await readStoredRows(stores.database, device), expectedRows(distinct));
    }),
    { numRuns: 60 },
  );
});

test('arrival and lateness are stored with the reading', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const { loop } = createPersisting(stores);
  const receivedUs = NOW_US + 7;
  const timesUs = [receivedUs - 60_000_001, receivedUs - 60_000_000, receivedUs, receivedUs + 30_000_000];
  const readings = timesUs.map((timeUs) => ({ metric: metricName('x'), timeUs, value: 1 }));
  await appendPack(stores.redis, { device: 'dev-1', readings, receivedUs });
  await persistAll(loop, stores.redis);
  const { rows } = await stores.database.query<{ late: boolean; received: string }>(
    `SELECT late, (extract(epoch FROM received_at) * 1000000)::bigint::text AS received FROM readings ORDER BY time`,
  );
  assert.deepEqual(
    rows.map(({ late }) => late),
    [true, false, false, false],
  );
  assert.deepEqual(new Set(rows.map(({ received }) => received)), new Set([String(receivedUs)]));
});

test('readings of several days, seven days back and across midnight UTC, are each in the partition of their day', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const { loop } = createPersisting(stores);
  const midnightUs = Math.floor(NOW_US / DAY_US) * DAY_US;
  const timesUs = [-7 * DAY_US, -DAY_US - 1, -DAY_US, -1, 0].map((offset) => midnightUs + offset);
  const readings = timesUs.map((timeUs, index) => ({ metric: metricName('x'), timeUs, value: index }));
  await appendPack(stores.redis, { device: 'dev-1', readings });
  await persistAll(loop, stores.redis);
  const { rows } = await stores.database.query<{ partition: string }>(
    'SELECT tableoid::regclass::text AS partition FROM readings ORDER BY time',
  );
  assert.deepEqual(
    rows.map(({ partition }) => partition),
    timesUs.map((timeUs) => `readings_p${new Date(timeUs / 1000).toISOString().slice(0, 10).replaceAll('-', '')}`),
  );
});

test('a pack of a thousand readings is stored whole', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const { loop } = createPersisting(stores, { batchReadings: 10 });
  const readings = Array.from({ length: 1000 }, (_, index) => ({
    metric: metricName(`m${index % 64}`),
    timeUs: NOW_US + index,
    value: index,
  }));
  await appendPack(stores.redis, { device: 'dev-1', readings });
  await persistAll(loop, stores.redis);
  assert.equal(await countRows(stores.database), 1000);
});
