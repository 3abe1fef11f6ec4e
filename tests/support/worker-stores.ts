import type { Pool } from 'pg';
import { createLogger, type Logger } from '../../platform/log/logger.ts';
import { ResourceStack } from '../../platform/lifecycle/resource-stack.ts';
import { openPostgres } from '../../platform/postgres/open-postgres.ts';
import { openRedis, openSubscriber, type Redis, type RedisConnection } from '../../platform/redis/open-redis.ts';
import { createTestDatabase } from './postgres.ts';
import { startRedis, type TestRedis } from './redis.ts';

/** Few, so that one batch holds several devices of a shard and several shards. */
export const SHARD_COUNT = 4;
const MAX_DATABASE_CONNECTIONS = 4;
const STATEMENT_TIMEOUT_MS = 20_000;

/** A Redis and a database with connections to both, as the parts of a worker are given them. */
export class WorkerStores {
  readonly server: TestRedis;
  readonly redis: Redis;
  readonly databaseUrl: string;
  readonly database: Pool;
  readonly log: Logger;
  readonly #resources: ResourceStack;

  constructor(server: TestRedis, databaseUrl: string, log: Logger, resources: ResourceStack) {
    this.server = server;
    this.databaseUrl = databaseUrl;
    this.log = log;
    this.#resources = resources;
    this.redis = this.openRedis('test');
    this.database = this.openDatabase(databaseUrl);
  }

  openRedis(name: string): Redis {
    const redis = openRedis({ url: this.server.url, name, manner: 'patient' }, this.log);
    this.#resources.defer(name, () => redis.disconnect());
    return redis;
  }

  openSubscriber(name: string): RedisConnection {
    const subscriber = openSubscriber({ url: this.server.url, name }, this.log);
    this.#resources.defer(name, () => subscriber.disconnect());
    return subscriber;
  }

  /** A pool of its own, as another worker has one. */
  openDatabase(url: string, statementTimeoutMs = STATEMENT_TIMEOUT_MS): Pool {
    const options = { url, name: 'test', maxConnections: MAX_DATABASE_CONNECTIONS, statementTimeoutMs };
    const database = openPostgres(options, this.log);
    this.#resources.defer('database', () => database.end());
    return database;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.close();
  }
}

/** @param databaseUrl of a database that the test starts and stops itself; else one is made */
export async function openWorkerStores(databaseUrl?: string): Promise<WorkerStores> {
  const log = createLogger('test', 'silent');
  const resources = new ResourceStack(log);
  const server = await startRedis();
  resources.defer('redis-server', async () => {
    await server[Symbol.asyncDispose]();
  });
  if (databaseUrl !== undefined) return new WorkerStores(server, databaseUrl, log, resources);
  const made = await createTestDatabase();
  resources.defer('test database', async () => {
    await made[Symbol.asyncDispose]();
  });
  return new WorkerStores(server, made.url, log, resources);
}
