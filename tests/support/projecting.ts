import assert from 'node:assert/strict';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { parseDeviceRecord, type DeviceRecord } from '../../contracts/registry.ts';
import { bumpRegistryVersion } from '../../platform/postgres/registry-version.ts';
import { inTransaction } from '../../platform/postgres/transaction.ts';
import { Projector } from '../../services/worker/project/projector.ts';
import { loadRegistryVersions } from '../../services/worker/project/registry-source.ts';
import { eventually } from './eventually.ts';
import { SHARD_COUNT, type WorkerStores } from './worker-stores.ts';
import { unheardObservers } from './worker-observers.ts';

export const PROJECTED_HASHES = [
  redisKeys.devices,
  redisKeys.apiKeys,
  redisKeys.rules,
  redisKeys.zones,
  redisKeys.enrolmentTokens,
  redisKeys.ipBlocks,
];

export function createProjector(stores: WorkerStores): Projector {
  return new Projector(stores.openRedis('test-projector'), stores.database, SHARD_COUNT, unheardObservers());
}

/**
 * Returns when the projection has all that the database has now. A projector gives way to another one that is at work on
 * the same change, so that its check may return before the change is known.
 */
export async function projectNow(stores: WorkerStores, projector: Projector): Promise<void> {
  const { version } = await loadRegistryVersions(stores.database);
  await eventually(async () => {
    await projector.check();
    const projected = (await stores.redis.get(redisKeys.registryVersion)) ?? '0';
    assert.ok(BigInt(projected) >= BigInt(version), `projected is ${projected} of ${version}`);
  });
}

/** Writes as an operator does; $1 is the version of the change. */
export async function changeRegistry(stores: WorkerStores, sql: string, ...values: unknown[]): Promise<string> {
  return await inTransaction(stores.database, async (client) => {
    const version = await bumpRegistryVersion(client);
    await client.query(sql, [version, ...values]);
    return version;
  });
}

export async function readDevice(stores: WorkerStores, id: string): Promise<DeviceRecord | undefined> {
  const json = await stores.redis.hget(redisKeys.devices, id);
  return json === null ? undefined : parseDeviceRecord(json);
}

function parseRecord(json: string): unknown {
  return JSON.parse(json);
}

function byField(a: { readonly field: string }, b: { readonly field: string }): number {
  return a.field < b.field ? -1 : 1;
}

export async function readProjection(stores: WorkerStores): Promise<unknown> {
  return await Promise.all(
    PROJECTED_HASHES.map(async (hash) => {
      const records = Object.entries(await stores.redis.hgetall(hash));
      return { hash, records: records.map(([field, json]) => ({ field, record: parseRecord(json) })).sort(byField) };
    }),
  );
}
