import type { Pool, PoolClient } from 'pg';
import type { CapStatus } from '../../core/alerts/alert.ts';
import type { Rule } from '../../core/detection/rule.ts';
import type { Position } from '../../core/geo/position.ts';
import { bumpRegistryVersion, bumpTrustVersion } from './registry-version.ts';
import { inTransaction } from './transaction.ts';

export interface DeviceRegistration {
  readonly id: string;
  readonly class: 'fixed' | 'mobile';
  readonly site: string | null;
  readonly owner: string | null;
  readonly position: Position | null;
  /** What alerts about it are at most; undefined: as it is, and at first Actual. */
  readonly status?: CapStatus | undefined;
  /** Undefined: as they are, and at first none. */
  readonly tags?: readonly string[] | undefined;
  readonly keys: readonly DeviceKeyRegistration[];
  readonly apiKeys: readonly ApiKeyRegistration[];
}

/** What rules and alerts make of a device. */
export interface DeviceDescription {
  readonly status: CapStatus;
  readonly tags: readonly string[];
}

/** As it is stored, perhaps by another version of the platform. */
export type RuleDefinition = Readonly<Record<string, unknown>>;

export interface DeviceKeyRegistration {
  readonly id: string;
  /** Uncompressed SEC 1 point, 65 bytes. */
  readonly publicKey: Uint8Array;
  readonly thumbprint: string;
}

export interface ApiKeyRegistration {
  readonly id: string;
  /** SHA-256 of the key's text, 32 bytes. */
  readonly hash: Uint8Array;
  /** The key's text as Mosquitto keeps passwords; without it the device cannot log in there. */
  readonly brokerHash?: string | undefined;
}

/** A registration that contradicts what is registered: another key under a known key id, or a key that another device has. */
export class RegistrationConflict extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RegistrationConflict';
  }
}

/** Writes the registry. Every write answers the version that readers of the projection have to wait for. */
export class RegistryStore {
  readonly #database: Pool;

  constructor(database: Pool) {
    this.#database = database;
  }

  /** Adds devices and keys that are not there yet; the same registration twice changes nothing but the position. */
  async registerDevices(devices: readonly DeviceRegistration[]): Promise<string> {
    return await inTransaction(this.#database, async (client) => {
      const version = await bumpTrustVersion(client);
      for (const device of devices) await registerDevice(client, device, version);
      return version;
    });
  }

  /** Other status or tags of a device; what is undefined stays. Answers both as they are then. Rejects when nobody knows the device. */
  async describeDevice(
    id: string,
    { status, tags }: { readonly status?: CapStatus | undefined; readonly tags?: readonly string[] | undefined },
  ): Promise<DeviceDescription & { readonly version: string }> {
    return await inTransaction(this.#database, async (client) => {
      const version = await bumpRegistryVersion(client);
      const { rows } = await client.query<DeviceDescription>(
        `UPDATE devices SET status = coalesce($2, status), tags = coalesce($3, tags), registry_version = $4 WHERE id = $1
         RETURNING status, tags`,
        [id, status ?? null, tags ?? null, version],
      );
      const [described] = rows;
      if (described === undefined) throw new Error(`no device has the id ${id}`);
      return { ...described, version };
    });
  }

  /** Makes the next version of a rule from its newest one. Rejects when there is none. */
  async changeRule(id: string, change: (definition: RuleDefinition) => Rule): Promise<string> {
    return await inTransaction(this.#database, async (client) => {
      const version = await bumpRegistryVersion(client);
      const { rows } = await client.query<{ version: number; definition: object; enabled: boolean }>(
        'SELECT version, definition, enabled FROM rules WHERE id = $1 ORDER BY version DESC LIMIT 1',
        [id],
      );
      const [newest] = rows;
      if (newest === undefined) throw new Error(`no rule has the id ${id}`);
      const { definition, ...rest } = newest;
      await applyRules(client, [change({ ...definition, ...rest })], version);
      return version;
    });
  }

  /** Adds a rule as the next version of its id, unless its newest version says the same. */
  async applyRules(rules: readonly Rule[]): Promise<string> {
    return await inTransaction(this.#database, async (client) => {
      const version = await bumpRegistryVersion(client);
      await applyRules(client, rules, version);
      return version;
    });
  }
}

async function applyRules(client: PoolClient, rules: readonly Rule[], version: string): Promise<void> {
  for (const { version: _given, enabled, ...definition } of rules) {
    await client.query(
      `INSERT INTO rules (id, version, kind, definition, enabled, registry_version)
       SELECT $1, coalesce(max(version), 0) + 1, $2, $3::jsonb, $4, $5 FROM rules WHERE id = $1
       HAVING NOT coalesce((SELECT r.definition = $3::jsonb AND r.enabled = $4 FROM rules r WHERE r.id = $1
                            ORDER BY r.version DESC LIMIT 1), false)`,
      [definition.id, definition.kind, JSON.stringify(definition), enabled, version],
    );
  }
}

/** A mobile device that has reported a position is there, and not where it was registered. */
const IS_WHERE_IT_SAYS = `devices.class = 'mobile' AND devices.position_at IS NOT NULL`;

async function registerDevice(client: PoolClient, device: DeviceRegistration, version: string): Promise<void> {
  const { position } = device;
  // PostGIS folds degrees beyond the range into it, and the device would stand somewhere else.
  if (position !== null && !(Math.abs(position.lat) <= 90 && Math.abs(position.lon) <= 180)) {
    throw new RangeError(`${device.id} cannot stand at lat ${position.lat}, lon ${position.lon}`);
  }
  await client.query(
    `INSERT INTO devices (id, class, site, owner, position, altitude_m, registry_version, status, tags)
     VALUES ($1, $2, $3, $4, ST_SetSRID(ST_MakePoint($5, $6), 4326)::geography, $7, $8,
             coalesce($9, 'Actual'), coalesce($10::text[], '{}'))
     ON CONFLICT (id) DO UPDATE SET registry_version = excluded.registry_version,
       status = coalesce($9, devices.status), tags = coalesce($10::text[], devices.tags),
       position = CASE WHEN ${IS_WHERE_IT_SAYS} THEN devices.position
                       ELSE coalesce(excluded.position, devices.position) END,
       altitude_m = CASE WHEN ${IS_WHERE_IT_SAYS} THEN devices.altitude_m
                         ELSE coalesce(excluded.altitude_m, devices.altitude_m) END`,
    [
      device.id,
      device.class,
      device.site,
      device.owner,
      position?.lon ?? null,
      position?.lat ?? null,
      position?.altM ?? null,
      version,
      device.status ?? null,
      device.tags ?? null,
    ],
  );
  for (const key of device.keys) await registerKey(client, device.id, key);
  for (const apiKey of device.apiKeys) {
    await client.query(
      `INSERT INTO api_keys (id, device_id, secret_hash, broker_hash, registry_version) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (id) DO UPDATE SET broker_hash = excluded.broker_hash
       WHERE api_keys.broker_hash IS NULL AND api_keys.device_id = excluded.device_id
         AND api_keys.secret_hash = excluded.secret_hash`,
      [apiKey.id, device.id, apiKey.hash, apiKey.brokerHash, version],
    );
    const { rows } = await client.query<{ same: boolean }>(
      'SELECT device_id = $2 AND secret_hash = $3 AS same FROM api_keys WHERE id = $1',
      [apiKey.id, device.id, apiKey.hash],
    );
    if (rows[0]?.same !== true) throw new RegistrationConflict(`the API key ${apiKey.id} is another one already`);
  }
}

async function registerKey(client: PoolClient, deviceId: string, key: DeviceKeyRegistration): Promise<void> {
  await client.query(
    `INSERT INTO device_keys (device_id, key_id, public_key, thumbprint) VALUES ($1, $2, $3, $4)
     ON CONFLICT DO NOTHING`,
    [deviceId, key.id, key.publicKey, key.thumbprint],
  );
  const { rows } = await client.query<{ same: boolean }>(
    'SELECT thumbprint = $3 AS same FROM device_keys WHERE device_id = $1 AND key_id = $2',
    [deviceId, key.id, key.thumbprint],
  );
  if (rows[0]?.same === true) return;
  throw new RegistrationConflict(
    rows[0] === undefined
      ? `the key ${deviceId}/${key.id} is registered for another device or under another key id`
      : `${deviceId}/${key.id} is another key already; give the new key another key id`,
  );
}
