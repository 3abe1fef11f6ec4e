import { setTimeout as delay } from 'node:timers/promises';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { createLogger } from '../../platform/log/logger.ts';
import { openPostgres } from '../../platform/postgres/open-postgres.ts';
import { RegistryStore } from '../../platform/postgres/registry-store.ts';
import { openRedis, waitForRedis } from '../../platform/redis/open-redis.ts';

const PROJECTION_TIMEOUT_MS = 15_000;

/** Writes the registry; `write` answers the version of its change. Returns when the services know it, if REDIS_URL says where to look. */
export async function withRegistry(write: (store: RegistryStore) => Promise<string>): Promise<void> {
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = process.env;
  if (databaseUrl === undefined) throw new Error('set DATABASE_URL to the PostgreSQL of the platform');
  const log = createLogger('admin', 'silent');
  const database = openPostgres({ url: databaseUrl, name: 'telltale-admin', maxConnections: 1 }, log);
  let version: string;
  try {
    version = await write(new RegistryStore(database));
  } finally {
    await database.end();
  }
  if (redisUrl !== undefined) await waitForProjection(redisUrl, version);
}

async function waitForProjection(url: string, version: string): Promise<void> {
  const redis = openRedis({ url, name: 'admin', manner: 'patient' }, createLogger('admin', 'silent'));
  try {
    await waitForRedis(redis, PROJECTION_TIMEOUT_MS);
    const deadlineMs = Date.now() + PROJECTION_TIMEOUT_MS;
    while (BigInt((await redis.get(redisKeys.registryVersion)) ?? '0') < BigInt(version)) {
      if (Date.now() > deadlineMs)
        throw new Error('written, but the worker does not project it; is the worker running?');
      await delay(50);
    }
  } finally {
    redis.disconnect();
  }
}
