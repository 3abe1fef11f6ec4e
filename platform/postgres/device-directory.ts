import type { Pool } from 'pg';

/** What operators ask of devices; times are ISO 8601. In the words of the wire: it is printed as it is. */
export interface ListedDevice {
  readonly device: string;
  readonly class: string;
  readonly disabled: boolean;
  readonly status: string;
  readonly site: string | null;
  readonly owner: string | null;
  readonly lat: number | null;
  readonly lon: number | null;
  readonly alt_m: number | null;
  readonly zones: readonly string[];
  readonly tags: readonly string[];
  /** When its last envelope was received, as far as it is stored. */
  readonly heard_at: string | null;
}

interface KnownKey {
  readonly id: string;
  readonly not_before: string | null;
  readonly not_after: string | null;
  readonly revoked_at: string | null;
  readonly created_at: string;
}

export interface KnownDevice extends ListedDevice {
  readonly keys: readonly (KnownKey & { readonly thumbprint: string })[];
  readonly api_keys: readonly KnownKey[];
  readonly metrics: readonly {
    readonly metric: string;
    readonly unit: string | null;
    /** Its newest reading. */
    readonly time: string | null;
    readonly value: number | string | boolean | null;
  }[];
  readonly clock_offset_ms: number | null;
}

export interface DeviceChoice {
  readonly zone?: string | undefined;
  readonly tag?: string | undefined;
  readonly disabled?: boolean | undefined;
  /** Those whose ids come behind this one. */
  readonly after?: string | undefined;
  readonly limit: number;
}

const iso = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const DEVICE = `
  d.id AS device, d.class, d.disabled, d.status, d.site, d.owner, d.altitude_m AS alt_m, d.tags,
  ST_Y(d.position::geometry) AS lat, ST_X(d.position::geometry) AS lon,
  ARRAY(SELECT z.id FROM zones z WHERE ST_Covers(z.area, d.position::geometry) ORDER BY z.id) AS zones,
  ${iso('c.updated_at')} AS heard_at`;

/** In the order of their ids. */
export async function loadDevices(database: Pool, choice: DeviceChoice): Promise<readonly ListedDevice[]> {
  const { zone, tag, disabled, after, limit } = choice;
  const { rows } = await database.query<ListedDevice>(
    `SELECT ${DEVICE} FROM devices d LEFT JOIN device_clocks c ON c.device_id = d.id
     WHERE ($1::text IS NULL OR EXISTS (SELECT 1 FROM zones z WHERE z.id = $1 AND ST_Covers(z.area, d.position::geometry)))
       AND ($2::text IS NULL OR $2 = ANY(d.tags)) AND ($3::boolean IS NULL OR d.disabled = $3)
       AND ($4::text IS NULL OR d.id > $4)
     ORDER BY d.id LIMIT $5`,
    [zone ?? null, tag ?? null, disabled ?? null, after ?? null, limit],
  );
  return rows;
}

export async function countDevices(database: Pool): Promise<number> {
  const { rows } = await database.query<{ count: number }>('SELECT count(*)::int AS count FROM devices');
  return rows[0]?.count ?? 0;
}

/** Undefined when there is none. */
export async function loadDevice(database: Pool, id: string): Promise<KnownDevice | undefined> {
  const devices = await database.query<Omit<KnownDevice, 'keys' | 'api_keys' | 'metrics'>>(
    `SELECT ${DEVICE}, c.offset_ms AS clock_offset_ms
     FROM devices d LEFT JOIN device_clocks c ON c.device_id = d.id WHERE d.id = $1`,
    [id],
  );
  const [device] = devices.rows;
  if (device === undefined) return undefined;
  const keys = await database.query<KnownDevice['keys'][number]>(
    `SELECT key_id AS id, thumbprint, ${VALIDITY} FROM device_keys WHERE device_id = $1 ORDER BY created_at, key_id`,
    [id],
  );
  const apiKeys = await database.query<KnownKey>(
    `SELECT id, ${VALIDITY} FROM api_keys WHERE device_id = $1 ORDER BY created_at, id`,
    [id],
  );
  const metrics = await database.query<KnownDevice['metrics'][number]>(
    `SELECT m.name AS metric, m.unit, ${iso('r.time')} AS time,
            coalesce(to_jsonb(r.value), to_jsonb(r.value_string), to_jsonb(r.value_bool), to_jsonb(r.value_sum)) AS value
     FROM metrics m LEFT JOIN LATERAL (
       SELECT * FROM readings WHERE device_id = m.device_id AND metric_id = m.metric_id ORDER BY time DESC LIMIT 1
     ) r ON true
     WHERE m.device_id = $1 ORDER BY m.metric_id`,
    [id],
  );
  return { ...device, keys: keys.rows, api_keys: apiKeys.rows, metrics: metrics.rows };
}

const VALIDITY = ['not_before', 'not_after', 'revoked_at', 'created_at']
  .map((column) => `${iso(column)} AS ${column}`)
  .join(', ');
