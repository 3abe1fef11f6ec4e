import type { LoopOptions } from '../../platform/lifecycle/run-loop.ts';
import type { Logger } from '../../platform/log/logger.ts';
import type { Redis } from '../../platform/redis/open-redis.ts';
import type { RedisMetrics } from '../../platform/redis/redis-metrics.ts';
import type { WorkerConfig } from './config.ts';
import type { WorkerDatabases } from './databases.ts';
import type { Leases } from './lease/leases.ts';
import type { WorkerMetrics } from './metrics.ts';

/** What the parts of one worker share. */
export interface WorkerContext {
  readonly config: WorkerConfig;
  readonly log: Logger;
  readonly metrics: WorkerMetrics;
  /** Watches connections to Redis. */
  readonly connections: RedisMetrics;
  /** For commands that are answered at once. */
  readonly redis: Redis;
  /** A connection of its own, for whoever waits on it; it is closed when the worker stops. */
  readonly openRedis: (name: string) => Redis;
  readonly databases: WorkerDatabases;
  readonly leases: Leases;
  /** All there are, whoever has them. */
  readonly shards: readonly number[];
}

/** Work that is done over and over. */
export type WorkerLoop = Pick<LoopOptions, 'name' | 'pass' | 'pauseMs'>;
