import { formatShardEpoch, type ShardEpoch } from '../../contracts/shard-epoch.ts';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { shardOf } from '../../contracts/shard.ts';
import { bumpTrustVersion } from '../../platform/postgres/registry-version.ts';
import { RegistryStore } from '../../platform/postgres/registry-store.ts';
import { inTransaction } from '../../platform/postgres/transaction.ts';
import { LogKeeper } from '../../services/worker/log/log-keeper.ts';
import { Projector } from '../../services/worker/project/projector.ts';
import { projectNow } from './projecting.ts';
import type { SignedDevice } from './signed-device.ts';
import { SHARD_COUNT, type WorkerStores } from './worker-stores.ts';
import { unheardObservers } from './worker-observers.ts';

/** What a worker does for ingest: begins the logs and projects the registry, when the test says so. */
export class IngestRegistry {
  readonly #stores: WorkerStores;
  readonly #registrations: RegistryStore;
  readonly #projector: Projector;

  constructor(stores: WorkerStores) {
    this.#stores = stores;
    this.#registrations = new RegistryStore(stores.database);
    this.#projector = new Projector(stores.redis, stores.database, SHARD_COUNT, unheardObservers());
  }

  async beginLogs(): Promise<void> {
    const { redis, database, log } = this.#stores;
    await new LogKeeper(redis, database, SHARD_COUNT, log).check();
  }

  async register(...devices: readonly Pick<SignedDevice, 'registration'>[]): Promise<void> {
    await this.#registrations.registerDevices(devices.map((device) => device.registration()));
    await projectNow(this.#stores, this.#projector);
  }

  async disable(device: SignedDevice): Promise<void> {
    await this.#change(device, 'UPDATE devices SET disabled = true WHERE id = $1', []);
  }

  /** @param column `not_before`, `not_after` or `revoked_at`, of the device's key or of its API key */
  async setKeyTime(device: SignedDevice, table: 'device_keys' | 'api_keys', column: string, at: Date): Promise<void> {
    await this.#change(device, `UPDATE ${table} SET ${column} = $2 WHERE device_id = $1`, [at]);
  }

  async addMetric(device: SignedDevice, metricId: number, name: string, unit: string | null): Promise<void> {
    const sql = 'INSERT INTO metrics (device_id, metric_id, name, unit) VALUES ($1, $2, $3, $4)';
    await this.#change(device, sql, [metricId, name, unit]);
  }

  async #change(device: SignedDevice, sql: string, values: readonly unknown[]): Promise<void> {
    await inTransaction(this.#stores.database, async (client) => {
      const version = await bumpTrustVersion(client);
      await client.query(sql, [device.id, ...values]);
      await client.query('UPDATE devices SET registry_version = $2 WHERE id = $1', [device.id, version]);
      await client.query('UPDATE api_keys SET registry_version = $2 WHERE device_id = $1', [device.id, version]);
    });
    await projectNow(this.#stores, this.#projector);
  }

  /** Another log in the shard of the device, as after the loss of Redis. */
  async replaceEpoch(device: SignedDevice, epoch: ShardEpoch): Promise<void> {
    await this.#stores.redis.set(redisKeys.epoch(shardOf(device.id, SHARD_COUNT)), formatShardEpoch(epoch));
  }
}
