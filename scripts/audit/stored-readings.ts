import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Acknowledged } from './ledger.ts';

const BATCH_SIZE = 5000;
const POLL_MS = 500;

interface Batch {
  readonly devices: string[];
  readonly metrics: string[];
  readonly timesUs: number[];
}

function* batchesOf(acknowledged: Acknowledged): Generator<Batch> {
  let batch: Batch = { devices: [], metrics: [], timesUs: [] };
  for (const [device, metrics] of acknowledged.keys) {
    for (const [metric, times] of metrics) {
      for (const timeUs of times) {
        batch.devices.push(device);
        batch.metrics.push(metric);
        batch.timesUs.push(timeUs);
        if (batch.timesUs.length < BATCH_SIZE) continue;
        yield batch;
        batch = { devices: [], metrics: [], timesUs: [] };
      }
    }
  }
  if (batch.timesUs.length > 0) yield batch;
}

/** LATERAL makes it one index look-up a key; a plain join is planned badly while the tables have no statistics. */
const COUNT_FOUND = `
  SELECT count(stored.hit)::int AS found
    FROM unnest($1::text[], $2::text[], $3::bigint[]) AS key (device_id, metric, time_us)
    CROSS JOIN LATERAL (
      SELECT 1 AS hit
        FROM metrics
        JOIN readings ON readings.device_id = key.device_id
                     AND readings.metric_id = metrics.metric_id
                     AND readings.time = timestamptz 'epoch' + key.time_us * interval '1 microsecond'
       WHERE metrics.device_id = key.device_id AND metrics.name = key.metric
       LIMIT 1
    ) AS stored`;

/** How many of the acknowledged keys are in the database; polls until all are, or until the deadline. */
export async function countStored(
  databaseUrl: string,
  acknowledged: Acknowledged,
  deadlineMs: number,
): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl, options: '-c TimeZone=UTC' });
  await client.connect();
  const deadline = performance.now() + deadlineMs;
  try {
    let pending = [...batchesOf(acknowledged)].map((batch) => ({ batch, found: 0 }));
    let complete = 0;
    for (;;) {
      for (const each of pending) {
        const { devices, metrics, timesUs } = each.batch;
        const result = await client.query<{ found: number }>(COUNT_FOUND, [devices, metrics, timesUs]);
        each.found = result.rows[0]?.found ?? 0;
      }
      const stored = pending.reduce((sum, each) => sum + each.found, complete);
      if (stored === acknowledged.distinct || performance.now() > deadline) return stored;
      complete += pending
        .filter(({ batch, found }) => found === batch.timesUs.length)
        .reduce((sum, { found }) => sum + found, 0);
      pending = pending.filter(({ batch, found }) => found < batch.timesUs.length);
      await delay(POLL_MS);
    }
  } finally {
    await client.end();
  }
}
