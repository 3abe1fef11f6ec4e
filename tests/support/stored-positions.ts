import type { Pool } from 'pg';

export interface StoredPosition {
  readonly device: string;
  readonly timeUs: number;
  readonly lat: number;
  readonly lon: number;
  readonly altM: number | null;
}

const COLUMNS = `device_id AS device, (extract(epoch FROM time) * 1000000)::bigint::text AS "timeUs",
  ST_Y(position::geometry) AS lat, ST_X(position::geometry) AS lon, altitude_m AS "altM"`;

/** In the order of device and time. */
export async function readPositions(database: Pool): Promise<readonly StoredPosition[]> {
  return await read(database, `SELECT ${COLUMNS} FROM device_positions ORDER BY device_id COLLATE "C", time`);
}

/** The newest of each device. */
export async function readNewestPositions(database: Pool): Promise<readonly StoredPosition[]> {
  return await read(database, `SELECT ${COLUMNS} FROM newest_positions ORDER BY device_id COLLATE "C"`);
}

async function read(database: Pool, sql: string): Promise<readonly StoredPosition[]> {
  const { rows } = await database.query<Omit<StoredPosition, 'timeUs'> & { timeUs: string }>(sql);
  return rows.map(({ timeUs, ...row }) => ({ ...row, timeUs: Number(timeUs) }));
}
