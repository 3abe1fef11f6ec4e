import type { Pool } from 'pg';
import type { Reading } from '../../core/telemetry/reading.ts';

/** A row of readings with nothing left to the rounding of a driver: bits of doubles, bytes of text, whole microseconds. */
export interface StoredRow {
  readonly metric: string;
  readonly unit: string | null;
  readonly timeUs: string;
  readonly valueBits: string | null;
  readonly textBytes: string | null;
  readonly bool: string | null;
  readonly sumBits: string | null;
}

/** In the order of metric (as bytes) and time. */
export async function readStoredRows(database: Pool, device: string): Promise<readonly StoredRow[]> {
  const { rows } = await database.query<StoredRow>(
    `SELECT m.name AS metric, m.unit, (extract(epoch FROM r.time) * 1000000)::bigint::text AS "timeUs",
            encode(float8send(r.value), 'hex') AS "valueBits",
            encode(convert_to(r.value_string, 'UTF8'), 'hex') AS "textBytes", r.value_bool::text AS bool,
            encode(float8send(r.value_sum), 'hex') AS "sumBits"
     FROM readings r JOIN metrics m USING (device_id, metric_id) WHERE device_id = $1
     ORDER BY m.name COLLATE "C", r.time`,
    [device],
  );
  return rows;
}

/** What readStoredRows has to answer when these readings are stored. */
export function expectedRows(readings: readonly Reading[]): readonly StoredRow[] {
  return [...readings]
    .sort((a, b) => (a.metric < b.metric ? -1 : a.metric > b.metric ? 1 : a.timeUs - b.timeUs))
    .map(({ metric, unit, timeUs, value, sum }) => ({
      metric,
      unit: unit ?? null,
      timeUs: String(timeUs),
      valueBits: typeof value === 'number' ? bitsOf(value) : null,
      textBytes: typeof value === 'string' ? Buffer.from(value).toString('hex') : null,
      bool: typeof value === 'boolean' ? String(value) : null,
      sumBits: sum === undefined ? null : bitsOf(sum),
    }));
}

function bitsOf(value: number): string {
  const bytes = Buffer.alloc(8);
  // JSON has no negative zero: it is stored as zero, which it equals.
  bytes.writeDoubleBE(value + 0);
  return bytes.toString('hex');
}

export async function countRows(database: Pool): Promise<number> {
  const { rows } = await database.query<{ count: number }>('SELECT count(*)::int AS count FROM readings');
  return rows[0]?.count ?? 0;
}
