import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { createLogger } from '../../platform/log/logger.ts';
import { openPostgres } from '../../platform/postgres/open-postgres.ts';
import { RegistryStore } from '../../platform/postgres/registry-store.ts';
import { TrustStore } from '../../platform/postgres/trust-store.ts';
import { openRedis, waitForRedis, type Redis } from '../../platform/redis/open-redis.ts';
import { loadRunFile } from '../dev-stack/run-file.ts';
import { parseStackSettings } from '../dev-stack/settings.ts';

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

export async function withStores(use: (stores: Stores) => Promise<void>): Promise<void> {
  const { databaseUrl, redisUrl } = await findStores();
  const log = createLogger('admin', 'silent');
  const database = openPostgres({ url: databaseUrl, name: 'telltale-admin', maxConnections: 1 }, log);
  try {
    await use({ database, redisUrl });
  } finally {
    await database.end();
  }
}

export async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = openRedis({ url, name: 'admin', manner: 'patient' }, createLogger('admin', 'silent'));
  try {
    await waitForRedis(redis, PROJECTION_TIMEOUT_MS);
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

/** Those of the environment, else those of the platform that runs in this folder. */
export async function findStores(): Promise<{ databaseUrl: string; redisUrl: string | undefined }> {
  const settings = parseStackSettings(process.env);
  if (settings.DATABASE_URL !== undefined) return { databaseUrl: settings.DATABASE_URL, redisUrl: settings.REDIS_URL };
  const running = await loadRunFile(settings.TELLTALE_DEV_DIR);
  if (running !== undefined) return { databaseUrl: running.database_url, redisUrl: running.redis_url };
  throw new Error('no platform runs here: start one with "npm start", or set DATABASE_URL (and REDIS_URL)');
}

/** Returns at once when it is not known where Redis is. */
export async function untilProjected(url: string | undefined, version: string): Promise<void> {
  if (url === undefined) return;
  await withRedis(url, async (redis) => {
    const deadlineMs = Date.now() + PROJECTION_TIMEOUT_MS;
    while (BigInt((await redis.get(redisKeys.registryVersion)) ?? '0') < BigInt(version)) {
      if (Date.now() > deadlineMs)
        throw new Error('written, but the worker does not project it; is the worker running?');
      await delay(50);
    }
  });
}
