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
  TELLTALE_WORKER_HOST: z.string().default('127.0.0.1'),
  TELLTALE_WORKER_ADMIN_PORT: port.default(9102),
  /** How long a worker keeps its shards without a sign of life: what a worker that died costs. */
  TELLTALE_WORKER_LEASE_MS: integer(500, 60_000).default(3000),
  /** How long transitions stay on their stream: whoever listens can be told of what is there. */
  TELLTALE_WORKER_ALERTS_KEEP_S: integer(3600, 31_622_400).default(86_400),
  /** Replicas of Redis that have to have a transition before detection forgets what caused it, and how long that may take. */
  TELLTALE_WORKER_WAIT_REPLICAS: integer(0, 5).default(0),
  TELLTALE_WORKER_WAIT_MS: integer(1, 1500).default(500),
  /** Batches on their way to the database at once, each of its own shards. */
  TELLTALE_WORKER_PERSIST_LANES: integer(1, 16).default(4),
  /** Entries read from each shard at once, at most. */
  TELLTALE_WORKER_READ_COUNT: integer(1, 10_000).default(1000),
  ...keepSettings,
  /** Readings stored in one transaction, at most. */
  TELLTALE_WORKER_BATCH_READINGS: integer(1, 100_000).default(40_000),
  /** How long a small batch gathers what else comes, in milliseconds. */
  TELLTALE_WORKER_BATCH_MS: integer(0, 2000).default(200),
};

export type WorkerConfig = z.infer<z.ZodObject<typeof workerSettings>>;

export function loadWorkerConfig(environment: Environment): WorkerConfig {
  return loadConfig({ shape: workerSettings, foreignPrefixes: foreignPrefixes('TELLTALE_WORKER_') }, environment);
}
