import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { CommandFailure } from '../../platform/lifecycle/command-failure.ts';
import { createLogger } from '../../platform/log/logger.ts';
import { endPostgres, openPostgres } from '../../platform/postgres/open-postgres.ts';
import { RegistryStore } from '../../platform/postgres/registry-store.ts';
import { TrustStore } from '../../platform/postgres/trust-store.ts';
import { openRedis, waitForRedis, type Redis } from '../../platform/redis/open-redis.ts';
import { findStores } from './find-stores.ts';

const PROJECTION_TIMEOUT_MS = 15_000;

/** Where the platform is whose registry is written. */
export interface Stores {
  readonly database: Pool;
  /** Undefined when it is not known where the services' Redis is. */
  readonly redisUrl: string | undefined;
}

/** Writes the registry; `write` answers the version of its change. Returns when the services know it, if it is known where their Redis is. */
export async function withRegistry(
  write: (registry: RegistryStore, trust: TrustStore) => Promise<string>,
): Promise<void> {
  await withStores(async ({ database, redisUrl }) => {
    const version = await write(new RegistryStore(database), new TrustStore(database));
    await untilProjected(redisUrl, version);
  });
}

export async function withStores<T>(use: (stores: Stores) => Promise<T>): Promise<T> {
  const { databaseUrl, redisUrl } = await findStores();
  const log = createLogger('telltale', 'silent');
  const database = openPostgres({ url: databaseUrl, name: 'telltale', maxConnections: 1 }, log);
  try {
    return await use({ database, redisUrl });
  } finally {
    await endPostgres(database);
  }
}

export async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = openRedis({ url, name: 'telltale', manner: 'patient' }, createLogger('telltale', 'silent'));
  try {
    await waitForRedis(redis, PROJECTION_TIMEOUT_MS);
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

/** Returns at once when it is not known where Redis is. */
export async function untilProjected(url: string | undefined, version: string): Promise<void> {
  if (url === undefined) return;
  await withRedis(url, async (redis) => {
    const deadlineMs = Date.now() + PROJECTION_TIMEOUT_MS;
    while (BigInt((await redis.get(redisKeys.registryVersion)) ?? '0') < BigInt(version)) {
      if (Date.now() > deadlineMs) {
        throw new CommandFailure('written, but the worker does not project it; is the worker running?');
      }
      await delay(50);
    }
  });
}
