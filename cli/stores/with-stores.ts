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

/** The change is made, and the services do not know it. */
export class WrittenFailure extends CommandFailure {}

/** Where the platform is whose registry is written. */
export interface Stores {
  readonly database: Pool;
  /** Undefined when it is not known where the services' Redis is. */
  readonly redisUrl: string | undefined;
}

/**
 * Writes the registry; `write` answers the version of its change. Returns when the services know it, if it is known where their
 * Redis is. What is only shown once is shown by `onWritten`: it is good from then on, whether the services come to know it in
 * time or not.
 */
export async function withRegistry(
  write: (registry: RegistryStore, trust: TrustStore) => Promise<string>,
  onWritten: () => void = () => undefined,
): Promise<void> {
  await withStores(async ({ database, redisUrl }) => {
    const version = await write(new RegistryStore(database), new TrustStore(database));
    onWritten();
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

/** Returns at once when it is not known where Redis is. A failure says that the change is written. */
export async function untilProjected(url: string | undefined, version: string): Promise<void> {
  if (url === undefined) return;
  try {
    await withRedis(url, (redis) => waitForVersion(redis, version));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new WrittenFailure(`It is written; do not do it again. But the services do not know it yet: ${why}`);
  }
}

async function waitForVersion(redis: Redis, version: string): Promise<void> {
  const deadlineMs = Date.now() + PROJECTION_TIMEOUT_MS;
  while (BigInt((await redis.get(redisKeys.registryVersion)) ?? '0') < BigInt(version)) {
    if (Date.now() > deadlineMs)
      throw new Error('no worker projects it. Is one running, and does it reach its database?');
    await delay(50);
  }
}
