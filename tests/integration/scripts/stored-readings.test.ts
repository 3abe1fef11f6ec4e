import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { countStored } from '../../../scripts/audit/stored-readings.ts';
import { createTestDatabase } from '../../support/postgres.ts';

const FIRST_US = 1_795_250_000_123_456;
const STORED = 12_345;

test('stored readings are found by device, metric name and microsecond', async () => {
  await using database = await createTestDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(
    `CREATE TABLE readings_p1 PARTITION OF readings FOR VALUES FROM ('2026-01-01+00') TO ('2027-01-01+00')`,
  );
  await client.query(`INSERT INTO metrics (device_id, metric_id, name) VALUES ('a', 1, 'acc_x'), ('b', 1, 'acc_x')`);
  await client.query(
    `INSERT INTO readings (device_id, metric_id, time, value, received_at, late)
     SELECT 'a', 1, timestamptz 'epoch' + ($1::bigint + n) * interval '1 microsecond', n, now(), false
       FROM generate_series(0, $2::int - 1) AS n`,
    [FIRST_US, STORED],
  );
  await client.end();

  const timesOf = (offset: number) => new Set(Array.from({ length: STORED }, (_, index) => FIRST_US + offset + index));
  const count = (device: string, metric: string, offset: number) => {
    const keys = new Map([[device, new Map([[metric, timesOf(offset)]])]]);
    return countStored(database.url, { count: STORED, distinct: STORED, keys }, 0);
  };
  assert.equal(await count('a', 'acc_x', 0), STORED);
  assert.equal(await count('a', 'acc_x', -3), STORED - 3);
  assert.equal(await count('a', 'acc_y', 0), 0);
  assert.equal(await count('b', 'acc_x', 0), 0);
});
