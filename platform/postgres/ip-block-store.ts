import { randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import type { SecurityEvent } from '../../contracts/security-event.ts';
import { bumpRegistryVersion } from './registry-version.ts';
import { insertSecurityEvents } from './security-event-store.ts';
import { inTransaction } from './transaction.ts';

export interface IpBlock {
  readonly network: string;
  readonly reason: string | null;
  readonly createdAt: Date;
  /** Null for one without an end. */
  readonly expiresAt: Date | null;
}

/** The networks that operators refuse. Every write answers the version that readers of the projection have to wait for. */
export class IpBlockStore {
  readonly #database: Pool;

  constructor(database: Pool) {
    this.#database = database;
  }

  /** Those that are in force. */
  async list(): Promise<readonly IpBlock[]> {
    const { rows } = await this.#database.query<IpBlock>(
      `SELECT network::text AS network, reason, created_at AS "createdAt", expires_at AS "expiresAt" FROM ip_blocks
       WHERE ended_at IS NULL AND (expires_at IS NULL OR expires_at > now()) ORDER BY network`,
    );
    return rows;
  }

  /** In place of an earlier block of the same network. @param forMs null for no end */
  async block(network: string, reason: string | null, forMs: number | null): Promise<string> {
    return await inTransaction(this.#database, async (client) => {
      const version = await bumpRegistryVersion(client);
      await client.query(
        `INSERT INTO ip_blocks (network, reason, expires_at, registry_version)
         VALUES ($1, $2, now() + $3::bigint * interval '1 millisecond', $4)
         ON CONFLICT (network) DO UPDATE SET reason = excluded.reason, created_at = now(),
           expires_at = excluded.expires_at, ended_at = NULL, registry_version = excluded.registry_version`,
        [network, reason, forMs, version],
      );
      await report(client, 'operator-blocked', network, forMs === null ? {} : { seconds: forMs / 1000 });
      return version;
    });
  }

  /** Undefined when there is no block of exactly this network that could be ended. */
  async unblock(network: string): Promise<string | undefined> {
    return await inTransaction(this.#database, async (client) => {
      const version = await bumpRegistryVersion(client);
      const { rowCount } = await client.query(
        'UPDATE ip_blocks SET ended_at = now(), registry_version = $2 WHERE network = $1 AND ended_at IS NULL',
        [network, version],
      );
      if (rowCount === 0) return undefined;
      await report(client, 'operator-unblocked', network, {});
      return version;
    });
  }

  /** What an operator has ended of the blocks of ingest. */
  async reportEnded(sources: readonly { readonly address: string; readonly device: string | null }[]): Promise<void> {
    await insertSecurityEvents(
      this.#database,
      sources.map(({ address, device }) => operatorEvent('operator-unblocked', address, device, {})),
    );
  }
}

async function report(
  client: PoolClient,
  kind: 'operator-blocked' | 'operator-unblocked',
  network: string,
  detail: Readonly<Record<string, number>>,
): Promise<void> {
  await insertSecurityEvents(client, [operatorEvent(kind, network, null, detail)]);
}

function operatorEvent(
  kind: 'operator-blocked' | 'operator-unblocked',
  address: string,
  device: string | null,
  detail: Readonly<Record<string, number>>,
): SecurityEvent {
  return { id: randomUUID(), at_ms: Date.now(), kind, device, address, code: null, actor: 'operator', detail };
}
