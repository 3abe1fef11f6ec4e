import { setTimeout as delay } from 'node:timers/promises';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { createLogger } from '../../platform/log/logger.ts';
import { openPostgres } from '../../platform/postgres/open-postgres.ts';
import { RegistryStore } from '../../platform/postgres/registry-store.ts';
import { TrustStore } from '../../platform/postgres/trust-store.ts';
import { openRedis, waitForRedis } from '../../platform/redis/open-redis.ts';
import { loadRunFile } from '../dev-stack/run-file.ts';
import { parseStackSettings } from '../dev-stack/settings.ts';

const PROJECTION_TIMEOUT_MS = 15_000;

/** Writes the registry; `write` answers the version of its change. Returns when the services know it, if it is known where their Redis is. */
export async function withRegistry(
  write: (registry: RegistryStore, trust: TrustStore) => Promise<string>,
): Promise<void> {
  const { databaseUrl, redisUrl } = await findStores();
  const log = createLogger('admin', 'silent');
  const database = openPostgres({ url: databaseUrl, name: 'telltale-admin', maxConnections: 1 }, log);
  let version: string;
  try {
    version = await write(new RegistryStore(database), new TrustStore(database));
  } finally {
    await database.end();
  }
  if (redisUrl !== undefined) await waitForProjection(redisUrl, version);
}

/** Those of the environment, else those of the platform that runs in this folder. */
export async function findStores(): Promise<{ databaseUrl: string; redisUrl: string | undefined }> {
  const settings = parseStackSettings(process.env);
  if (settings.DATABASE_URL !== undefined) return { databaseUrl: settings.DATABASE_URL, redisUrl: settings.REDIS_URL };
  const running = await loadRunFile(settings.TELLTALE_DEV_DIR);
  if (running !== undefined) return { databaseUrl: running.database_url, redisUrl: running.redis_url };
  throw new Error('no platform runs here: start one with "npm start", or set DATABASE_URL (and REDIS_URL)');
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
