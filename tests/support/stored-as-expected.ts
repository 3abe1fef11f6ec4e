import pg from 'pg';
import type { AcknowledgedReading } from '../../scripts/audit/ledger.ts';
import { assertRollupsAgree } from './rollups.ts';

const BATCH_SIZE = 20_000;

const COMPARE = `
  SELECT count(stored.time)::int AS stored,
         count(*) FILTER (WHERE stored.time IS NULL)::int AS missing,
         count(*) FILTER (WHERE expected.time IS NULL)::int AS unexpected,
         count(*) FILTER (WHERE expected.value <> stored.value)::int AS different
    FROM expected
    FULL JOIN (SELECT device_id AS device, metrics.name AS metric, readings.time,
                      coalesce(readings.value, 'NaN') AS value
                 FROM readings JOIN metrics USING (device_id, metric_id)) AS stored
      USING (device, metric, time)`;

/** All of the table against all that was expected. */
export interface Comparison {
  readonly stored: number;
  readonly missing: number;
  readonly unexpected: number;
  /** Stored with another value. */
  readonly different: number;
}

/** What the table of readings shall hold, loaded beside it, so that the database itself compares. */
export class ExpectedReadings {
  readonly #client: pg.Client;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  async compare(): Promise<Comparison> {
    const { rows } = await this.#client.query<Comparison>(COMPARE);
    if (rows[0] === undefined) throw new Error('an aggregate without a row');
    return rows[0];
  }

  assertRollupsAgree(): Promise<void> {
    return assertRollupsAgree(this.#client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end();
  }
}

/** A reading that is expected more than once, with one value, is expected once. */
export async function loadExpected(
  databaseUrl: string,
  readings: AsyncIterable<AcknowledgedReading> | Iterable<AcknowledgedReading>,
): Promise<ExpectedReadings> {
  const client = new pg.Client({ connectionString: databaseUrl, options: '-c TimeZone=UTC' });
  await client.connect();
  try {
    await client.query(`CREATE TEMP TABLE expected (device text, metric text, time timestamptz, value double precision,
                                                    UNIQUE (device, metric, time, value))`);
    let batch: AcknowledgedReading[] = [];
    for await (const reading of readings) {
      batch.push(reading);
      if (batch.length < BATCH_SIZE) continue;
      await insert(client, batch);
      batch = [];
    }
    await insert(client, batch);
    await client.query('ANALYZE expected');
    return new ExpectedReadings(client);
  } catch (error) {
    await client.end();
    throw error;
  }
}

async function insert(client: pg.Client, batch: readonly AcknowledgedReading[]): Promise<void> {
  await client.query(
    `INSERT INTO expected
     SELECT device, metric, timestamptz 'epoch' + time_us * interval '1 microsecond', value
       FROM unnest($1::text[], $2::text[], $3::bigint[], $4::float8[]) AS e (device, metric, time_us, value)
     ON CONFLICT DO NOTHING`,
    [
      batch.map(({ device }) => device),
      batch.map(({ metric }) => metric),
      batch.map(({ timeUs }) => timeUs),
      batch.map(({ value }) => value),
    ],
  );
}
