import type { Pool } from 'pg';

export interface BrokerLogin {
  readonly deviceId: string;
  /** As Mosquitto keeps passwords. */
  readonly hash: string;
}

/** One for each device that may send: with the newest API key that is valid, because a broker knows one password for a name. */
export async function loadBrokerLogins(database: Pool): Promise<readonly BrokerLogin[]> {
  const { rows } = await database.query<{ device_id: string; broker_hash: string }>(
    `SELECT DISTINCT ON (k.device_id) k.device_id, k.broker_hash
     FROM api_keys k JOIN devices d ON d.id = k.device_id
     WHERE NOT d.disabled AND k.broker_hash IS NOT NULL AND k.revoked_at IS NULL
       AND coalesce(k.not_before <= now(), true) AND coalesce(k.not_after > now(), true)
     ORDER BY k.device_id, k.created_at DESC, k.id`,
  );
  return rows.map((row) => ({ deviceId: row.device_id, hash: row.broker_hash }));
}
