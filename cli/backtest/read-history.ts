import type { Pool } from 'pg';
import type { AdmittedPack } from '../../contracts/admitted-pack.ts';
import { numericReadingsOf, positionReadingsOf } from '../../contracts/pack-readings.ts';
import type { CapStatus } from '../../core/alerts/alert.ts';
import type { RunDevice, RunPack } from '../../core/detection/detection-run.ts';
import { readAreas } from '../../core/detection/rule-index.ts';
import type { ZoneArea } from '../../core/geo/zone-area.ts';
import { LATE_AFTER_US, parseMetricName } from '../../core/telemetry/reading.ts';

/** A window that had so many readings is followed by a shorter one, and one with few by a longer one. */
const MANY = 50_000;
const FEW = 5000;
const FIRST_WINDOW_US = 60_000_000;
const LONGEST_WINDOW_US = 3_600_000_000;
const SHORTEST_WINDOW_US = 1_000_000;
/** Readings are admitted that are a little ahead of us. */
const AHEAD_US = 600_000_000;

export interface StoredWorld {
  readonly devices: readonly RunDevice[];
  readonly areas: ReadonlyMap<string, ZoneArea>;
  /** Without a position: no rule over several devices can use them. */
  readonly withoutPosition: number;
}

/** The registry as it is now: what devices and zones were then is not kept. */
export async function readWorld(database: Pool): Promise<StoredWorld> {
  const devices = await database.query<{
    id: string;
    site: string | null;
    owner: string | null;
    status: CapStatus;
    tags: string[];
    lat: number | null;
    lon: number | null;
    zones: string[];
  }>(`SELECT id, site, owner, status, tags, ST_Y(position::geometry) AS lat, ST_X(position::geometry) AS lon,
             ARRAY(SELECT z.id FROM zones z WHERE ST_Covers(z.area, d.position::geometry) ORDER BY z.id) AS zones
      FROM devices d`);
  const zones = await database.query<{ id: string; area: unknown }>(
    'SELECT id, ST_AsGeoJSON(area)::json AS area FROM zones',
  );
  return {
    devices: devices.rows.map(({ id, lat, lon, ...device }) => ({
      device: id,
      ...device,
      position: lat === null || lon === null ? undefined : { lat, lon },
    })),
    areas: readAreas(zones.rows.map(({ id, area }) => [id, area])),
    withoutPosition: devices.rows.filter(({ lat }) => lat === null).length,
  };
}

interface Row {
  readonly device_id: string;
  readonly name: string;
  readonly unit: string | null;
  readonly time_us: string;
  readonly received_us: string;
  readonly value: number | null;
  readonly value_bool: boolean | null;
}

/** One index scan a metric, so that a window costs what is in it. Late readings have no part in detection. */
const WINDOW = `
  SELECT m.device_id, m.name, m.unit, r.*
    FROM metrics m
    CROSS JOIN LATERAL (
      SELECT (extract(epoch FROM time) * 1000000)::bigint AS time_us,
             (extract(epoch FROM received_at) * 1000000)::bigint AS received_us, value, value_bool
        FROM readings
       WHERE device_id = m.device_id AND metric_id = m.metric_id
         AND time >= timestamptz 'epoch' + ($1::bigint - ${LATE_AFTER_US}) * interval '1 microsecond'
         AND time < timestamptz 'epoch' + ($2::bigint + ${AHEAD_US}) * interval '1 microsecond'
         AND received_at >= timestamptz 'epoch' + $1::bigint * interval '1 microsecond'
         AND received_at < timestamptz 'epoch' + $2::bigint * interval '1 microsecond'
         AND NOT late
    ) r
   WHERE m.name = ANY($3) OR ($4 AND m.unit IN ('lat', 'lon'))
   ORDER BY received_us, device_id, time_us, name`;

/**
 * What was stored, as it came: all of one device at one time is a pack.
 *
 * @param fromUs of the arrival, Unix microseconds; `toUs` does not belong to it
 * @param metrics that are of interest
 * @param positions whether reported positions are as well
 */
export async function* readHistory(
  database: Pool,
  { fromUs, toUs }: { readonly fromUs: number; readonly toUs: number },
  metrics: readonly string[],
  positions: boolean,
): AsyncGenerator<RunPack> {
  let widthUs = FIRST_WINDOW_US;
  let atUs = fromUs;
  while (atUs < toUs) {
    const endUs = Math.min(toUs, atUs + widthUs);
    const { rows } = await database.query<Row>(WINDOW, [atUs, endUs, metrics, positions]);
    yield* packsOf(rows);
    if (rows.length > MANY) widthUs = Math.max(SHORTEST_WINDOW_US, Math.round(widthUs / 2));
    else if (rows.length < FEW) widthUs = Math.min(LONGEST_WINDOW_US, widthUs * 2);
    atUs = endUs;
  }
}

function* packsOf(rows: readonly Row[]): Generator<RunPack> {
  let pack: Row[] = [];
  for (const row of rows) {
    const [first] = pack;
    if (first !== undefined && (first.device_id !== row.device_id || first.received_us !== row.received_us)) {
      yield packOf(first, pack);
      pack = [];
    }
    pack.push(row);
  }
  const [first] = pack;
  if (first !== undefined) yield packOf(first, pack);
}

function packOf({ device_id: device, received_us: receivedUs }: Row, rows: readonly Row[]): RunPack {
  const names = [...new Map(rows.map(({ name, unit }) => [name, unit]))].flatMap(([name, unit]) => {
    const metric = parseMetricName(name);
    return metric === undefined ? [] : [{ metric, unit }];
  });
  const places = new Map(names.map(({ metric }, place) => [String(metric), place]));
  const columns: Pick<AdmittedPack, 'device' | 'metrics' | 'units' | 'metric' | 'time_us' | 'value'> = {
    device,
    metrics: names.map(({ metric }) => metric),
    units: names.map(({ unit }) => unit),
    metric: rows.map(({ name }) => places.get(name) ?? -1),
    time_us: rows.map(({ time_us: timeUs }) => Number(timeUs)),
    value: rows.map(({ value, value_bool: bool }) => value ?? bool),
  };
  const readings = [...numericReadingsOf(columns), ...positionReadingsOf(columns)];
  return { device, arrivedUs: Number(receivedUs), readings };
}
