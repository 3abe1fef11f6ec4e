import { Pool, type PoolConfig } from 'pg';
import type { Logger } from '../log/logger.ts';

export interface PostgresOptions {
  readonly url: string;
  readonly name: string;
  readonly maxConnections: number;
  readonly connectTimeoutMs?: number;
  /** The server gives a statement up after this time; the client does so a little later, for when the server is not there. */
  readonly statementTimeoutMs?: number;
}

/** Below the time that a service has to stop in, so that a database that does not answer never delays its end. */
const CONNECT_TIMEOUT_MS = 3000;
/** A batch takes well below a second; a statement that takes this long waits for a lock or for a network that has parted. */
const STATEMENT_TIMEOUT_MS = 20_000;
const ANSWER_TIMEOUT_MS = 2000;

/**
 * A pool whose sessions are in UTC. Statements are never named: the embedded database shares one session between all
 * clients, where names of two clients collide.
 */
export function openPostgres(options: PostgresOptions, log: Logger): Pool {
  const statementTimeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS;
  const config: PoolConfig = {
    connectionString: withSessionOptions(options.url, `-c TimeZone=UTC -c statement_timeout=${statementTimeoutMs}`),
    application_name: options.name,
    max: options.maxConnections,
    connectionTimeoutMillis: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    query_timeout: statementTimeoutMs + ANSWER_TIMEOUT_MS,
    keepAlive: true,
  };
  const pool = new Pool(config);
  // An idle connection that breaks is replaced at its next use; without a listener the error would end the process.
  pool.on('error', (error) => log.warn({ err: error }, 'an idle database connection broke'));
  return pool;
}

/** Ours come after those that the URL names, and win. */
function withSessionOptions(url: string, sessionOptions: string): string {
  const complete = new URL(url);
  const given = complete.searchParams.get('options');
  complete.searchParams.set('options', given === null ? sessionOptions : `${given} ${sessionOptions}`);
  return complete.href;
}
