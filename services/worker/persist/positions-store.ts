import type { Pool } from 'pg';
import type { AdmittedPack } from '../../../contracts/admitted-pack.ts';
import { positionsOf } from '../../../contracts/pack-positions.ts';
import type { Partitions } from './partitions.ts';

/** A fixed device that says it is somewhere else than where an operator put it. */
export interface StrayPosition {
  readonly device: string;
  readonly timeUs: number;
  readonly receivedUs: number;
  readonly distanceM: number;
}

/** Receivers err by tens of metres, and indoors by hundreds; who carries a device away goes further. */
const STRAY_BEYOND_M = 1000;

interface Columns {
  readonly device: string[];
  readonly timeUs: number[];
  readonly lat: number[];
  readonly lon: number[];
  readonly altM: (number | null)[];
  readonly receivedUs: number[];
}

/**
 * Stores what devices say of their position, each once. Three statements and no transaction: each of them changes nothing
 * when it runs again, all of them run before the packs are acknowledged, and none holds a lock while it waits for that of
 * another. Rows are sorted as those of the readings are.
 */
export class PositionsStore {
  readonly #database: Pool;
  readonly #partitions: Partitions;

  constructor(database: Pool, partitions: Partitions) {
    this.#database = database;
    this.#partitions = partitions;
  }

  /** Answers the newest stray position of each fixed device that has one, also when it was stored before. */
  async store(packs: readonly AdmittedPack[]): Promise<readonly StrayPosition[]> {
    try {
      return await this.#store(packs);
    } catch (error) {
      this.#partitions.forget();
      throw error;
    }
  }

  async #store(packs: readonly AdmittedPack[]): Promise<readonly StrayPosition[]> {
    const columns = columnsOf(packs);
    if (columns.device.length === 0) return [];
    await this.#partitions.ensureFor('device_positions', columns.timeUs);
    await this.#database.query(
      `INSERT INTO device_positions (device_id, time, position, altitude_m, received_at)
       SELECT device_id, timestamptz 'epoch' + time_us * interval '1 microsecond',
              ST_SetSRID(ST_MakePoint(lon, lat), 4326)::geography, altitude_m,
              timestamptz 'epoch' + received_us * interval '1 microsecond'
       FROM unnest($1::text[], $2::bigint[], $3::float8[], $4::float8[], $5::float8[], $6::bigint[]) WITH ORDINALITY
         AS p (device_id, time_us, lat, lon, altitude_m, received_us, place)
       ORDER BY device_id, time_us, place
       ON CONFLICT DO NOTHING`,
      [columns.device, columns.timeUs, columns.lat, columns.lon, columns.altM, columns.receivedUs],
    );
    await this.#keepNewest(columns);
    return await this.#findStrays(columns);
  }

  /** From the rows that are stored: when a device gives two positions for one time, the first one stays everywhere. */
  async #keepNewest(columns: Columns): Promise<void> {
    const newest = new Map<string, number>();
    for (const [index, device] of columns.device.entries()) {
      newest.set(device, Math.max(newest.get(device) ?? -Infinity, columns.timeUs[index] ?? 0));
    }
    await this.#database.query(
      `INSERT INTO newest_positions (device_id, time, position, altitude_m)
       SELECT p.device_id, p.time, p.position, p.altitude_m
       FROM unnest($1::text[], $2::bigint[]) AS n (device_id, time_us)
       JOIN device_positions p ON p.device_id = n.device_id
         AND p.time = timestamptz 'epoch' + n.time_us * interval '1 microsecond'
       ORDER BY p.device_id
       ON CONFLICT (device_id) DO UPDATE
         SET time = excluded.time, position = excluded.position, altitude_m = excluded.altitude_m
         WHERE newest_positions.time < excluded.time`,
      [[...newest.keys()], [...newest.values()]],
    );
  }

  async #findStrays(columns: Columns): Promise<readonly StrayPosition[]> {
    const { rows } = await this.#database.query<{
      device: string;
      timeUs: string;
      receivedUs: string;
      distanceM: number;
    }>(
      `SELECT DISTINCT ON (d.id) d.id AS device, p.time_us::text AS "timeUs", p.received_us::text AS "receivedUs",
              ST_Distance(d.position, ST_SetSRID(ST_MakePoint(p.lon, p.lat), 4326)::geography) AS "distanceM"
       FROM unnest($1::text[], $2::bigint[], $3::float8[], $4::float8[], $5::bigint[])
         AS p (device_id, time_us, lat, lon, received_us)
       JOIN devices d ON d.id = p.device_id AND d.class = 'fixed'
       WHERE NOT ST_DWithin(d.position, ST_SetSRID(ST_MakePoint(p.lon, p.lat), 4326)::geography, $6)
       ORDER BY d.id, p.time_us DESC`,
      [columns.device, columns.timeUs, columns.lat, columns.lon, columns.receivedUs, STRAY_BEYOND_M],
    );
    return rows.map(({ device, timeUs, receivedUs, distanceM }) => {
      return { device, timeUs: Number(timeUs), receivedUs: Number(receivedUs), distanceM };
    });
  }
}

function columnsOf(packs: readonly AdmittedPack[]): Columns {
  const columns: Columns = { device: [], timeUs: [], lat: [], lon: [], altM: [], receivedUs: [] };
  for (const pack of packs) {
    for (const { timeUs, lat, lon, altM } of positionsOf(pack)) {
      columns.device.push(pack.device);
      columns.timeUs.push(timeUs);
      columns.lat.push(lat);
      columns.lon.push(lon);
      columns.altM.push(altM ?? null);
      columns.receivedUs.push(pack.received_us);
    }
  }
  return columns;
}
