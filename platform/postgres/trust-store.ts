import type { Pool, PoolClient } from 'pg';
import type { Position } from '../../core/geo/position.ts';
import { MAX_ACTIVE_KEYS } from '../../core/identity/key-validity.ts';
import { RegistrationConflict, type ApiKeyRegistration, type DeviceKeyRegistration } from './registry-store.ts';
import { bumpRegistryVersion, bumpTrustVersion } from './registry-version.ts';
import { inTransaction } from './transaction.ts';

export interface EnrolmentTokenRegistration {
  /** SHA-256 of the token's text, 32 bytes. */
  readonly hash: Uint8Array;
  /** The only device that it lets in; null for any. */
  readonly deviceId: string | null;
  readonly class: 'fixed' | 'mobile';
  readonly site: string | null;
  readonly owner: string | null;
  readonly position: Position | null;
  readonly ttlMs: number;
}

/** Nothing in the registry has that name. */
export class UnknownRegistration extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnknownRegistration';
  }
}

/**
 * Says who may do what: gives out, replaces and takes away. Every write answers the version that readers of the projection
 * have to wait for. What takes something away raises the trust version, so that no message is admitted on what was true
 * before.
 */
export class TrustStore {
  readonly #database: Pool;

  constructor(database: Pool) {
    this.#database = database;
  }

  async addEnrolmentToken(token: EnrolmentTokenRegistration): Promise<string> {
    const { position } = token;
    return await inTransaction(this.#database, async (client) => {
      const version = await bumpRegistryVersion(client);
      if (token.deviceId !== null && (await isDevice(client, token.deviceId))) {
        throw new UnknownRegistration(`${token.deviceId} is a device already: a token could not let it in`);
      }
      await client.query(
        `INSERT INTO enrolment_tokens (hash, device_id, class, site, owner, position, expires_at, registry_version)
         VALUES ($1, $2, $3, $4, $5, ST_SetSRID(ST_MakePoint($6, $7), 4326)::geography,
                 now() + $8::bigint * interval '1 millisecond', $9)`,
        [
          token.hash,
          token.deviceId,
          token.class,
          token.site,
          token.owner,
          position?.lon ?? null,
          position?.lat ?? null,
          token.ttlMs,
          version,
        ],
      );
      return version;
    });
  }

  /** The device's other API keys expire after the overlap, or earlier if that was said before. */
  async rotateApiKey(deviceId: string, apiKey: ApiKeyRegistration, overlapMs: number): Promise<string> {
    return await inTransaction(this.#database, async (client) => {
      const version = await bumpTrustVersion(client);
      if (!(await isDevice(client, deviceId))) throw new UnknownRegistration(`there is no device ${deviceId}`);
      await client.query(
        `UPDATE api_keys SET not_after = least(not_after, now() + $2::bigint * interval '1 millisecond'),
           registry_version = $3 WHERE device_id = $1`,
        [deviceId, overlapMs, version],
      );
      await client.query(
        `INSERT INTO api_keys (id, device_id, secret_hash, broker_hash, registry_version) VALUES ($1, $2, $3, $4, $5)`,
        [apiKey.id, deviceId, apiKey.hash, apiKey.brokerHash, version],
      );
      return version;
    });
  }

  /** For good: at once, and again changes nothing. */
  async revokeApiKey(id: string): Promise<string> {
    return await this.#take(
      `there is no API key with the id ${id}`,
      `UPDATE api_keys SET revoked_at = least(revoked_at, now()), registry_version = $1 WHERE id = $2`,
      [id],
    );
  }

  /** Beside those that the device has: two may be active at once. */
  async addKey(deviceId: string, key: DeviceKeyRegistration): Promise<string> {
    return await inTransaction(this.#database, async (client) => {
      const version = await bumpRegistryVersion(client);
      await insertKey(client, deviceId, key);
      await checkActiveKeys(client, deviceId);
      await touchDevice(client, deviceId, version);
      return version;
    });
  }

  /** The device's other keys expire after the overlap, or earlier if that was said before. */
  async rotateKey(deviceId: string, key: DeviceKeyRegistration, overlapMs: number): Promise<string> {
    return await inTransaction(this.#database, async (client) => {
      const version = await bumpTrustVersion(client);
      await client.query(
        `UPDATE device_keys SET not_after = least(not_after, now() + $2::bigint * interval '1 millisecond')
         WHERE device_id = $1`,
        [deviceId, overlapMs],
      );
      await insertKey(client, deviceId, key);
      await checkActiveKeys(client, deviceId);
      await touchDevice(client, deviceId, version);
      return version;
    });
  }

  async revokeKey(deviceId: string, keyId: string): Promise<string> {
    return await this.#take(
      `${deviceId} has no key ${keyId}`,
      `WITH revoked AS (
         UPDATE device_keys SET revoked_at = least(revoked_at, now()) WHERE device_id = $2 AND key_id = $3
         RETURNING device_id
       )
       UPDATE devices SET registry_version = $1 WHERE id IN (SELECT device_id FROM revoked)`,
      [deviceId, keyId],
    );
  }

  async disableDevice(deviceId: string): Promise<string> {
    return await this.#take(
      `there is no device ${deviceId}`,
      'UPDATE devices SET disabled = true, registry_version = $1 WHERE id = $2',
      [deviceId],
    );
  }

  async enableDevice(deviceId: string): Promise<string> {
    return await inTransaction(this.#database, async (client) => {
      const version = await bumpRegistryVersion(client);
      const sql = 'UPDATE devices SET disabled = false, registry_version = $1 WHERE id = $2';
      const { rowCount } = await client.query(sql, [version, deviceId]);
      if (rowCount === 0) throw new UnknownRegistration(`there is no device ${deviceId}`);
      return version;
    });
  }

  /** @param sql $1 is the version of the change; no row is a name that nothing has */
  async #take(unknown: string, sql: string, values: readonly string[]): Promise<string> {
    return await inTransaction(this.#database, async (client) => {
      const version = await bumpTrustVersion(client);
      const { rowCount } = await client.query(sql, [version, ...values]);
      if (rowCount === 0) throw new UnknownRegistration(unknown);
      return version;
    });
  }
}

async function insertKey(client: PoolClient, deviceId: string, key: DeviceKeyRegistration): Promise<void> {
  if (!(await isDevice(client, deviceId))) throw new UnknownRegistration(`there is no device ${deviceId}`);
  const { rowCount } = await client.query(
    `INSERT INTO device_keys (device_id, key_id, public_key, thumbprint) VALUES ($1, $2, $3, $4)
     ON CONFLICT DO NOTHING`,
    [deviceId, key.id, key.publicKey, key.thumbprint],
  );
  if (rowCount === 1) return;
  throw new RegistrationConflict(
    `${deviceId}/${key.id} is a key already, or the same key is registered under another name: take another key id or key`,
  );
}

async function checkActiveKeys(client: PoolClient, deviceId: string): Promise<void> {
  const { rows } = await client.query(
    `SELECT 1 FROM device_keys WHERE device_id = $1 AND (revoked_at IS NULL OR revoked_at > now())
       AND (not_after IS NULL OR not_after > now())`,
    [deviceId],
  );
  if (rows.length <= MAX_ACTIVE_KEYS) return;
  throw new RegistrationConflict(
    `${deviceId} would have ${rows.length} active keys, and ${MAX_ACTIVE_KEYS} is the most: revoke one first`,
  );
}

async function touchDevice(client: PoolClient, deviceId: string, version: string): Promise<void> {
  await client.query('UPDATE devices SET registry_version = $2 WHERE id = $1', [deviceId, version]);
}

async function isDevice(client: PoolClient, id: string): Promise<boolean> {
  const { rows } = await client.query('SELECT 1 FROM devices WHERE id = $1', [id]);
  return rows.length > 0;
}
