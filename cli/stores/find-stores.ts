import { resolve } from 'node:path';
import { z } from 'zod';
import { redisUrl } from '../../platform/config/fragments.ts';
import { ConfigError, loadConfig } from '../../platform/config/load-config.ts';
import { loadRunFile, type RunFile } from '../../platform/config/run-file.ts';
import { CommandFailure } from '../../platform/lifecycle/command-failure.ts';

const settings = {
  DATABASE_URL: z.url().optional(),
  REDIS_URL: redisUrl.optional(),
  MQTT_URL: z.url().optional(),
  TELLTALE_DEV_DIR: z.string().min(1).default('.telltale'),
};

/** Where a platform keeps what it knows; undefined for what is not known. */
export interface StoreUrls {
  readonly databaseUrl: string | undefined;
  readonly redisUrl: string | undefined;
  readonly mqttUrl: string | undefined;
  /** Of the platform that runs in this folder, when it is that one. */
  readonly running: RunFile | undefined;
}

/** Those of the environment, else those of the platform that runs in this folder. */
export async function lookForStores(): Promise<StoreUrls> {
  const { DATABASE_URL: databaseUrl, REDIS_URL: redis, MQTT_URL: mqttUrl } = readSettings();
  if (databaseUrl !== undefined || redis !== undefined) {
    return { databaseUrl, redisUrl: redis, mqttUrl, running: undefined };
  }
  const running = await loadRunning();
  return {
    databaseUrl: running?.database_url,
    redisUrl: running?.redis_url,
    mqttUrl: mqttUrl ?? running?.mqtt_url,
    running,
  };
}

/** Of the environment alone. */
export function readDatabaseUrl(): string | undefined {
  return readSettings().DATABASE_URL;
}

/** The platform that runs in this folder. */
export async function loadRunning(): Promise<RunFile | undefined> {
  return await loadRunFile(resolve(readSettings().TELLTALE_DEV_DIR));
}

/** What other names say is for the services to judge. */
function readSettings(): z.infer<z.ZodObject<typeof settings>> {
  try {
    return loadConfig({ shape: settings, foreignPrefixes: ['TELLTALE_'] }, process.env);
  } catch (error) {
    throw error instanceof ConfigError ? new CommandFailure(error.problems.join('\n')) : error;
  }
}

/** Rejects when it is not known where the database is. */
export async function findStores(): Promise<{ databaseUrl: string; redisUrl: string | undefined }> {
  const { databaseUrl, redisUrl: redis } = await lookForStores();
  if (databaseUrl !== undefined) return { databaseUrl, redisUrl: redis };
  throw new CommandFailure(
    redis === undefined
      ? 'no platform runs here: start one with "npm start", or set DATABASE_URL (and REDIS_URL)'
      : 'this needs the database: set DATABASE_URL beside REDIS_URL',
  );
}

/** Rejects when it is not known where Redis is. */
export async function findRedis(): Promise<string> {
  const { databaseUrl, redisUrl: redis } = await lookForStores();
  if (redis !== undefined) return redis;
  throw new CommandFailure(
    databaseUrl === undefined
      ? 'no platform runs here: start one with "npm start", or set REDIS_URL (and DATABASE_URL)'
      : 'this needs Redis: set REDIS_URL beside DATABASE_URL',
  );
}
