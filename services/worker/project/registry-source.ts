import type { Pool } from 'pg';
import type {
  ApiKeyRecord,
  DeviceRecordJson,
  EnrolmentTokenRecord,
  IpBlockRecord,
  ZoneRecord,
} from '../../../contracts/registry.ts';

/** The registry as the database holds it, in the records of contracts/registry.ts. */
export interface RegistryRows {
  readonly devices: ReadonlyMap<string, DeviceRecordJson>;
  readonly apiKeys: ReadonlyMap<string, ApiKeyRecord>;
  readonly rules: ReadonlyMap<string, unknown>;
  readonly zones: ReadonlyMap<string, ZoneRecord>;
  /** Null for one that has been used, which nobody needs to know any more. */
  readonly enrolmentTokens: ReadonlyMap<string, EnrolmentTokenRecord | null>;
  /** By network; null for one whose block was ended. */
  readonly ipBlocks: ReadonlyMap<string, IpBlockRecord | null>;
}

export interface RegistryVersions {
  readonly version: string;
  /** Of the last change of what devices may do. */
  readonly trust: string;
}

export async function loadRegistryVersions(database: Pool): Promise<RegistryVersions> {
  const { rows } = await database.query<RegistryVersions>(
    'SELECT version::text, trust_version::text AS trust FROM registry_state',
  );
  const [versions] = rows;
  if (versions === undefined) throw new Error('the table registry_state is empty; apply the migrations');
  return versions;
}

/** How much each part of the registry holds. */
export type RegistrySizes = Readonly<Record<keyof RegistryRows, number>>;

export async function loadRegistrySizes(database: Pool): Promise<RegistrySizes> {
  const { rows } = await database.query<RegistrySizes>(
    `SELECT (SELECT count(*)::int FROM devices) AS devices, (SELECT count(*)::int FROM api_keys) AS "apiKeys",
            (SELECT count(DISTINCT id)::int FROM rules) AS rules, (SELECT count(*)::int FROM zones) AS zones,
            (SELECT count(*)::int FROM enrolment_tokens WHERE used_at IS NULL) AS "enrolmentTokens",
            (SELECT count(*)::int FROM ip_blocks WHERE ended_at IS NULL) AS "ipBlocks"`,
  );
  const [sizes] = rows;
  if (sizes === undefined) throw new Error('a SELECT without FROM answers one row');
  return sizes;
}

/** What has changed after a version, `0` for all. A changed zone changes every device, so it is all then. */
export async function loadRegistryRows(database: Pool, afterVersion: string): Promise<RegistryRows> {
  const zones = await database.query<{ record: ZoneRecord }>(
    `SELECT json_build_object('id', id, 'name', name, 'area', ST_AsGeoJSON(area)::json) AS record
     FROM zones WHERE registry_version > $1`,
    [afterVersion],
  );
  const devicesAfter = zones.rows.length > 0 ? '0' : afterVersion;
  const devices = await database.query<{ record: DeviceRecordJson }>(DEVICES, [devicesAfter]);
  const apiKeys = await database.query<{ id: string; record: ApiKeyRecord }>(API_KEYS, [afterVersion]);
  const rules = await database.query<{ id: string; definition: unknown }>(
    `SELECT DISTINCT ON (id) id, definition || jsonb_build_object('version', version, 'enabled', enabled) AS definition
     FROM rules WHERE registry_version > $1 ORDER BY id, version DESC`,
    [afterVersion],
  );
  const tokens = await database.query<{ hash: string; record: EnrolmentTokenRecord | null }>(ENROLMENT_TOKENS, [
    afterVersion,
  ]);
  const ipBlocks = await database.query<{ network: string; record: IpBlockRecord | null }>(IP_BLOCKS, [afterVersion]);
  return {
    ipBlocks: new Map(ipBlocks.rows.map(({ network, record }) => [network, record])),
    enrolmentTokens: new Map(tokens.rows.map(({ hash, record }) => [hash, record])),
    zones: new Map(zones.rows.map(({ record }) => [record.id, record])),
    devices: new Map(devices.rows.map(({ record }) => [record.id, record])),
    apiKeys: new Map(apiKeys.rows.map(({ id, record }) => [id, record])),
    rules: new Map(rules.rows.map(({ id, definition }) => [id, definition])),
  };
}

const MS = (column: string): string => `floor(extract(epoch FROM ${column}) * 1000)::bigint`;

const VALIDITY = `'not_before_ms', ${MS('k.not_before')}, 'not_after_ms', ${MS('k.not_after')},
  'revoked_at_ms', ${MS('k.revoked_at')}`;

/** base64 of PostgreSQL breaks lines and is not the URL form. */
const base64url = (bytes: string): string => `translate(encode(${bytes}, 'base64'), E'+/=\\n', '-_')`;

const DEVICES = `
  SELECT json_build_object(
    'id', d.id, 'class', d.class, 'disabled', d.disabled, 'site', d.site, 'owner', d.owner,
    'position', CASE WHEN d.position IS NULL THEN NULL ELSE json_build_object(
      'lat', ST_Y(d.position::geometry), 'lon', ST_X(d.position::geometry), 'alt_m', d.altitude_m) END,
    'status', d.status, 'tags', to_json(d.tags),
    'zones', coalesce((SELECT json_agg(z.id ORDER BY z.id) FROM zones z WHERE ST_Covers(z.area, d.position::geometry)), '[]'),
    'keys', coalesce((SELECT json_object_agg(k.key_id, json_build_object(
      'public_key', ${base64url('k.public_key')}, 'thumbprint', k.thumbprint, ${VALIDITY}))
      FROM device_keys k WHERE k.device_id = d.id), '{}'),
    'metrics', coalesce((SELECT json_object_agg(m.name, m.unit) FROM metrics m WHERE m.device_id = d.id), '{}')
  ) AS record
  FROM devices d WHERE d.registry_version > $1`;

const API_KEYS = `
  SELECT k.id, json_build_object('device', k.device_id, 'hash', ${base64url('k.secret_hash')}, ${VALIDITY}) AS record
  FROM api_keys k WHERE k.registry_version > $1`;

const ENROLMENT_TOKENS = `
  SELECT ${base64url('t.hash')} AS hash, CASE WHEN t.used_at IS NULL THEN json_build_object(
    'device', t.device_id, 'expires_at_ms', ${MS('t.expires_at')}) END AS record
  FROM enrolment_tokens t WHERE t.registry_version > $1`;

const IP_BLOCKS = `
  SELECT b.network::text AS network, CASE WHEN b.ended_at IS NULL THEN json_build_object(
    'expires_at_ms', ${MS('b.expires_at')}) END AS record
  FROM ip_blocks b WHERE b.registry_version > $1`;
