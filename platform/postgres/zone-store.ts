import type { Pool } from 'pg';
import type { DrawnZone } from '../../core/geo/zone-collection.ts';
import { bumpRegistryVersion } from './registry-version.ts';
import { inTransaction } from './transaction.ts';

/** In the words of the wire: it is printed as it is. */
export interface ListedZone {
  readonly zone: string;
  readonly name: string;
  readonly area_km2: number;
  /** Corners of all rings. */
  readonly positions: number;
  /** That stand in it. */
  readonly devices: number;
  /** West, south, east, north, degrees. */
  readonly bbox: readonly [number, number, number, number];
}

/** Zones whose borders cross or touch themselves: one line for each, with what is wrong and where. */
export class InvalidZones extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'InvalidZones';
    this.problems = problems;
  }
}

/** The areas that rules, subscribers and devices know by name. */
export class ZoneStore {
  readonly #database: Pool;

  constructor(database: Pool) {
    this.#database = database;
  }

  async list(): Promise<readonly ListedZone[]> {
    const { rows } = await this.#database.query<ListedZone>(
      `SELECT z.id AS zone, z.name, round((ST_Area(z.area::geography) / 1e6)::numeric, 3)::float8 AS area_km2,
              ST_NPoints(z.area) AS positions,
              (SELECT count(*)::int FROM devices d WHERE ST_Covers(z.area, d.position::geometry)) AS devices,
              ARRAY[ST_XMin(z.area), ST_YMin(z.area), ST_XMax(z.area), ST_YMax(z.area)] AS bbox
       FROM zones z ORDER BY z.id`,
    );
    return rows;
  }

  /** Adds them, or puts them in the place of those with their ids: all of them or, with InvalidZones, none. Answers the version that readers of the projection have to wait for. */
  async write(zones: readonly DrawnZone[]): Promise<string> {
    return await inTransaction(this.#database, async (client) => {
      const areas = zones.map(({ area }) => JSON.stringify(area));
      const ids = zones.map(({ id }) => id);
      const { rows } = await client.query<{ id: string; reason: string; lon: number | null; lat: number | null }>(
        `SELECT id, reason, ST_X(location) AS lon, ST_Y(location) AS lat
         FROM (SELECT id, (ST_IsValidDetail(ST_GeomFromGeoJSON(area))).*
               FROM unnest($1::text[], $2::text[]) AS zone (id, area)) checked
         WHERE NOT valid ORDER BY id`,
        [ids, areas],
      );
      if (rows.length > 0) throw new InvalidZones(rows.map(explain));
      const version = await bumpRegistryVersion(client);
      await client.query(
        `INSERT INTO zones (id, name, area, registry_version)
         SELECT id, name, ST_Multi(ST_SetSRID(ST_GeomFromGeoJSON(area), 4326)), $4
         FROM unnest($1::text[], $2::text[], $3::text[]) AS zone (id, name, area)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, area = excluded.area,
           registry_version = excluded.registry_version`,
        [ids, zones.map(({ name }) => name), areas, version],
      );
      return version;
    });
  }
}

function explain({
  id,
  reason,
  lon,
  lat,
}: {
  id: string;
  reason: string;
  lon: number | null;
  lat: number | null;
}): string {
  const where = lon === null || lat === null ? '' : ` at [${lon}, ${lat}]`;
  return `"${id}": ${reason}${where}; redraw the border there so that it neither crosses nor touches itself`;
}
