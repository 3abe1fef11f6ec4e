import { ADMITTED_PACK_FIELD, parseAdmittedPack, type AdmittedPack } from '../../contracts/admitted-pack.ts';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { shardOf } from '../../contracts/shard.ts';
import { IngestRegistry } from './ingest-registry.ts';
import type { ServiceSettings } from './process.ts';
import { startIngestHere, type RunningIngest } from './running-ingest.ts';
import { SignedDevice } from './signed-device.ts';
import { openWorkerStores, SHARD_COUNT, type WorkerStores } from './worker-stores.ts';

/** Redis with begun logs, a registry, and ingest in this process. */
export class IngestPlatform {
  readonly stores: WorkerStores;
  readonly registry: IngestRegistry;
  readonly ingest: RunningIngest;
  #devices = 0;

  constructor(stores: WorkerStores, registry: IngestRegistry, ingest: RunningIngest) {
    this.stores = stores;
    this.registry = registry;
    this.ingest = ingest;
  }

  get port(): number {
    return this.ingest.port;
  }

  /** A registered device of its own for a test. */
  async addDevice(keyIds?: readonly string[]): Promise<SignedDevice> {
    this.#devices += 1;
    const device = new SignedDevice(`dev-${this.#devices}`, keyIds);
    await this.registry.register(device);
    return device;
  }

  /** What is in the log of this device, in its order. */
  async admitted(device: SignedDevice): Promise<readonly AdmittedPack[]> {
    const stream = redisKeys.readings(shardOf(device.id, SHARD_COUNT));
    const entries = await this.stores.redis.xrange(stream, '-', '+');
    const packs = entries.map(([id, fields]) => {
      const pack = parseAdmittedPack(fields[fields.indexOf(ADMITTED_PACK_FIELD) + 1] ?? '');
      if (pack === undefined) throw new Error(`the entry ${id} cannot be read`);
      return pack;
    });
    return packs.filter((pack) => pack.device === device.id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ingest[Symbol.asyncDispose]();
    await this.stores[Symbol.asyncDispose]();
  }
}

export async function openIngestPlatform(settings: ServiceSettings = {}): Promise<IngestPlatform> {
  const stores = await openWorkerStores();
  try {
    const registry = new IngestRegistry(stores);
    await registry.beginLogs();
    return new IngestPlatform(stores, registry, await startIngestHere(stores.server.url, settings));
  } catch (error) {
    await stores[Symbol.asyncDispose]();
    throw error;
  }
}
