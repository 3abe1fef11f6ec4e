import pg from 'pg';
import type { LedgerReading } from '../load/phase-ledger.ts';

export interface ReadingsVerdict {
  /** Acknowledged keys. */
  readonly acknowledged: number;
  /** Of them in the store, whatever their value. */
  readonly stored: number;
  readonly lost: number;
  readonly altered: number;
  /** Unix microseconds. */
  readonly oldestLostUs: number | null;
  /** Readings that the rollups count and the store does not have, and the other way round, in the whole store. */
  readonly duplicated: number;
}

const BATCH_SIZE = 20_000;

const COMPARE = `
  SELECT count(*)::int AS acknowledged, count(stored.time)::int AS stored,
         count(*) FILTER (WHERE stored.time IS NULL)::int AS lost,
         count(*) FILTER (WHERE stored.value IS DISTINCT FROM acknowledged.value AND stored.time IS NOT NULL)::int AS altered,
         (extract(epoch FROM min(acknowledged.time) FILTER (WHERE stored.time IS NULL)) * 1000000)::float8 AS "oldestLostUs"
    FROM acknowledged
    LEFT JOIN (SELECT device_id AS device, metrics.name AS metric, readings.time, readings.value
                 FROM readings JOIN metrics USING (device_id, metric_id)) AS stored
      ON stored.device = acknowledged.device AND stored.metric = acknowledged.metric AND stored.time = acknowledged.time`;

/** Both rollups, so that what is counted twice in each is found twice. */
const MISCOUNTED = ['minute', 'hour']
  .map(
    (unit) => `
  SELECT coalesce(sum(abs(coalesce(rolled.readings, 0) - coalesce(counted.readings, 0))), 0)::int AS miscounted
    FROM readings_${unit} AS rolled
    FULL JOIN (SELECT device_id, metric_id, date_bin('1 ${unit}', time, timestamptz 'epoch') AS time,
                      count(*) AS readings
                 FROM readings GROUP BY 1, 2, 3) AS counted
      USING (device_id, metric_id, time)`,
  )
  .join(' UNION ALL ');

/** Asks the database whether it has what was acknowledged, with the values that were sent, and counts nothing twice. */
export async function compareReadings(
  databaseUrl: string,
  readings: readonly LedgerReading[],
): Promise<ReadingsVerdict> {
  const client = new pg.Client({ connectionString: databaseUrl, options: '-c TimeZone=UTC' });
  await client.connect();
  try {
    // Where all clients share one session, it may be there.
    await client.query('DROP TABLE IF EXISTS pg_temp.acknowledged');
    await client.query(
      'CREATE TEMP TABLE acknowledged (device text, metric text, time timestamptz, value double precision)',
    );
    for (let start = 0; start < readings.length; start += BATCH_SIZE) {
      await insert(client, readings.slice(start, start + BATCH_SIZE));
    }
    await client.query('ANALYZE acknowledged');
    const { rows } = await client.query<Omit<ReadingsVerdict, 'duplicated'>>(COMPARE);
    const [verdict] = rows;
    if (verdict === undefined) throw new Error('an aggregate without a row');
    const miscounted = await client.query<{ miscounted: number }>(MISCOUNTED);
    return { ...verdict, duplicated: miscounted.rows.reduce((sum, row) => sum + row.miscounted, 0) };
  } finally {
    await client.end();
  }
}

async function insert(client: pg.Client, batch: readonly LedgerReading[]): Promise<void> {
  await client.query(
    `INSERT INTO acknowledged
     SELECT device, metric, timestamptz 'epoch' + time_us * interval '1 microsecond', value
       FROM unnest($1::text[], $2::text[], $3::bigint[], $4::float8[]) AS a (device, metric, time_us, value)`,
    [
      batch.map(({ device }) => device),
      batch.map(({ metric }) => metric),
      batch.map(({ timeUs }) => timeUs),
      batch.map(({ value }) => value),
    ],
  );
}
