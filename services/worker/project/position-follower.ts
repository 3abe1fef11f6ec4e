import type { Pool } from 'pg';
import { bumpRegistryVersion } from '../../../platform/postgres/registry-version.ts';
import { inTransaction } from '../../../platform/postgres/transaction.ts';

const BEHIND = `d.class = 'mobile' AND (d.position_at IS NULL OR d.position_at < n.time)`;

/**
 * Moves mobile devices in the registry to their newest stored position, by the devices' own time and never back. All that
 * have moved are one change of the registry: each change empties the caches of every process.
 */
export class PositionFollower {
  readonly #database: Pool;

  constructor(database: Pool) {
    this.#database = database;
  }

  async check(): Promise<void> {
    // A fleet at rest must not move the registry's version.
    const { rowCount } = await this.#database.query(
      `SELECT 1 FROM newest_positions n JOIN devices d ON d.id = n.device_id WHERE ${BEHIND} LIMIT 1`,
    );
    if (rowCount === 0) return;
    await inTransaction(this.#database, async (client) => {
      const version = await bumpRegistryVersion(client);
      await client.query(
        `UPDATE devices d
         SET position = n.position, altitude_m = n.altitude_m, position_at = n.time, registry_version = $1
         FROM newest_positions n WHERE n.device_id = d.id AND ${BEHIND}`,
        [version],
      );
    });
  }
}
