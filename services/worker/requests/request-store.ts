import type { Pool, PoolClient } from 'pg';
import {
  parseRequestOutcome,
  type EnrolmentEntry,
  type KeyEntry,
  type RegistryRequest,
  type RequestOutcome,
  type RequestRefusal,
} from '../../../contracts/registry-request.ts';
import { MAX_ACTIVE_KEYS } from '../../../core/identity/key-validity.ts';
import { bumpRegistryVersion, lockRegistry } from '../../../platform/postgres/registry-version.ts';
import { inTransaction } from '../../../platform/postgres/transaction.ts';

/**
 * Carries out what devices ask the registry to change: each request wholly or not at all, and once. The lock on the
 * registry makes every check below hold until the commit. Adding takes nothing away from anybody, so the trust version
 * stays.
 */
export class RequestStore {
  readonly #database: Pool;

  constructor(database: Pool) {
    this.#database = database;
  }

  /** A request that was carried out before answers what became of it then. */
  async carryOut(request: RegistryRequest): Promise<RequestOutcome> {
    return await inTransaction(this.#database, async (client) => {
      await lockRegistry(client);
      const before = await client.query<{ outcome: unknown }>('SELECT outcome FROM registry_requests WHERE id = $1', [
        request.id,
      ]);
      if (before.rows[0] !== undefined) return parseRequestOutcome(before.rows[0].outcome);
      const outcome = await change(client, request);
      await client.query('INSERT INTO registry_requests (id, kind, outcome) VALUES ($1, $2, $3)', [
        request.id,
        request.kind,
        JSON.stringify(outcome),
      ]);
      return outcome;
    });
  }
}

async function change(client: PoolClient, request: RegistryRequest): Promise<RequestOutcome> {
  const code = await (request.kind === 'enrolment' ? decideEnrolment(client, request) : decideKey(client, request));
  if (code !== undefined) return { state: 'refused', code };
  const version = await bumpRegistryVersion(client);
  if (request.kind === 'enrolment') await enrol(client, request, version);
  else await addKey(client, request, version);
  return { state: 'done', version };
}

async function decideEnrolment(client: PoolClient, request: EnrolmentEntry): Promise<RequestRefusal | undefined> {
  // By the time of the request: a worker that was away must not let a token expire that ingest has accepted.
  const token = await exists(
    client,
    `SELECT 1 FROM enrolment_tokens WHERE hash = $1 AND used_at IS NULL AND (device_id IS NULL OR device_id = $2)
       AND expires_at >= timestamptz 'epoch' + $3::bigint * interval '1 millisecond'`,
    [Buffer.from(request.token, 'base64url'), request.device, request.received_ms],
  );
  if (!token) return 'enrolment-token-invalid';
  if (await exists(client, 'SELECT 1 FROM devices WHERE id = $1', [request.device])) return 'device-exists';
  return await decideNewKey(client, request);
}

async function decideKey(client: PoolClient, request: KeyEntry): Promise<RequestRefusal | undefined> {
  const { rows } = await client.query<{ disabled: boolean }>('SELECT disabled FROM devices WHERE id = $1', [
    request.device,
  ]);
  if (rows[0]?.disabled !== false) return 'device-disabled';
  // Who has stolen a key must not outlive its revocation by a request that waits here.
  const trusted = await exists(
    client,
    'SELECT 1 FROM device_keys WHERE device_id = $1 AND key_id = $2 AND (revoked_at IS NULL OR revoked_at > now())',
    [request.device, request.signed_by],
  );
  if (!trusted) return 'key-revoked';
  const refusal = await decideNewKey(client, request);
  if (refusal !== undefined) return refusal;
  const active = await client.query(
    `SELECT 1 FROM device_keys WHERE device_id = $1 AND (revoked_at IS NULL OR revoked_at > now())
       AND (not_after IS NULL OR not_after >= now())`,
    [request.device],
  );
  return active.rows.length < MAX_ACTIVE_KEYS ? undefined : 'too-many-keys';
}

async function decideNewKey(client: PoolClient, request: RegistryRequest): Promise<RequestRefusal | undefined> {
  const known = await exists(
    client,
    'SELECT 1 FROM device_keys WHERE thumbprint = $3 OR (device_id = $1 AND key_id = $2)',
    [request.device, request.key.id, request.key.thumbprint],
  );
  return known ? 'key-exists' : undefined;
}

async function enrol(client: PoolClient, request: EnrolmentEntry, version: string): Promise<void> {
  const token = Buffer.from(request.token, 'base64url');
  await client.query(
    `INSERT INTO devices (id, class, site, owner, position, registry_version)
     SELECT $2, class, site, owner, position, $3 FROM enrolment_tokens WHERE hash = $1`,
    [token, request.device, version],
  );
  await insertKey(client, request, null, null);
  const { id, hash, broker_hash: brokerHash } = request.api_key;
  await client.query(
    `INSERT INTO api_keys (id, device_id, secret_hash, broker_hash, registry_version) VALUES ($1, $2, $3, $4, $5)`,
    [id, request.device, Buffer.from(hash, 'base64url'), brokerHash, version],
  );
  await client.query(
    'UPDATE enrolment_tokens SET used_at = now(), used_by = $2, registry_version = $3 WHERE hash = $1',
    [token, request.device, version],
  );
}

async function addKey(client: PoolClient, request: KeyEntry, version: string): Promise<void> {
  await insertKey(client, request, request.not_before_ms, request.not_after_ms);
  await client.query('UPDATE devices SET registry_version = $2 WHERE id = $1', [request.device, version]);
}

async function insertKey(
  client: PoolClient,
  { device, key }: RegistryRequest,
  notBeforeMs: number | null,
  notAfterMs: number | null,
): Promise<void> {
  await client.query(
    `INSERT INTO device_keys (device_id, key_id, public_key, thumbprint, not_before, not_after)
     VALUES ($1, $2, $3, $4, timestamptz 'epoch' + $5::bigint * interval '1 millisecond',
             timestamptz 'epoch' + $6::bigint * interval '1 millisecond')`,
    [device, key.id, Buffer.from(key.public_key, 'base64url'), key.thumbprint, notBeforeMs, notAfterMs],
  );
}

async function exists(client: PoolClient, sql: string, values: readonly unknown[]): Promise<boolean> {
  const { rows } = await client.query(sql, [...values]);
  return rows.length > 0;
}
