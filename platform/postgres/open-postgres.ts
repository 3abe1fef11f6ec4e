import { Pool, type PoolConfig } from 'pg';
import type { Logger } from '../log/logger.ts';

export interface PostgresOptions {
  readonly url: string;
  readonly name: string;
  readonly maxConnections: number;
  readonly connectTimeoutMs?: number;
}

/**
 * A pool whose sessions are in UTC. Statements are never named: the embedded database shares one session between all
 * clients, where names of two clients collide.
 */
export function openPostgres(options: PostgresOptions, log: Logger): Pool {
  const config: PoolConfig = {
    connectionString: options.url,
    application_name: options.name,
    max: options.maxConnections,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5000,
    keepAlive: true,
    options: '-c TimeZone=UTC',
  };
  const pool = new Pool(config);
  // An idle connection that breaks is replaced at its next use; without a listener the error would end the process.
  pool.on('error', (error) => log.warn({ err: error }, 'an idle database connection broke'));
  return pool;
}
