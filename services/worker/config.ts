import { z } from 'zod';
import {
  foreignPrefixes,
  integer,
  keepSettings,
  logSettings,
  port,
  postgresSettings,
  redisSettings,
} from '../../platform/config/fragments.ts';
import { loadConfig, type Environment } from '../../platform/config/load-config.ts';

export const workerSettings = {
  ...logSettings,
  ...redisSettings,
  ...postgresSettings,
  TELLTALE_WORKER_HOST: z.string().default('127.0.0.1').describe('where metrics and health are'),
  TELLTALE_WORKER_ADMIN_PORT: port.default(9102).describe('metrics and health'),
  TELLTALE_WORKER_LEASE_MS: integer(500, 60_000)
    .default(3000)
    .describe('how long a worker keeps its shards without a sign of life: what a worker that died costs'),
  TELLTALE_WORKER_ALERTS_KEEP_S: integer(3600, 31_622_400)
    .default(86_400)
    .describe(
      'how long transitions stay on their stream once they are stored; not less than the window of the broadcasters',
    ),
  TELLTALE_WORKER_WAIT_REPLICAS: integer(0, 5)
    .default(0)
    .describe('replicas of Redis that have to have a transition before detection forgets what caused it'),
  TELLTALE_WORKER_WAIT_MS: integer(1, 1500).default(500).describe('how long they may take'),
  TELLTALE_WORKER_PERSIST_LANES: integer(1, 16)
    .default(4)
    .describe(
      'batches on their way to the database at once, each of its own shards; a database connection each, beside three others',
    ),
  TELLTALE_WORKER_READ_COUNT: integer(1, 10_000)
    .default(1000)
    .describe('entries read from each shard at once, at most; fewer when they are large'),
  ...keepSettings,
  TELLTALE_WORKER_BATCH_READINGS: integer(1, 100_000)
    .default(40_000)
    .describe('readings stored in one statement, at most; long texts count as several'),
  TELLTALE_WORKER_BATCH_MS: integer(0, 2000)
    .default(200)
    .describe('how long a small batch gathers what else comes; alerts do not wait for it'),
};

export type WorkerConfig = z.infer<z.ZodObject<typeof workerSettings>>;

export function loadWorkerConfig(environment: Environment): WorkerConfig {
  return loadConfig({ shape: workerSettings, foreignPrefixes: foreignPrefixes('TELLTALE_WORKER_') }, environment);
}
