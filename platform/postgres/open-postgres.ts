import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
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
/** A connection says good-bye in a millisecond, and one that is still being made has nobody left who waits for it. */
const GOODBYE_MS = 500;

const socketsOf = new WeakMap<Pool, Set<Socket>>();

/**
 * A pool whose sessions are in UTC. Statements are never named: the embedded database shares one session between all
 * clients, where names of two clients collide.
 */
export function openPostgres(options: PostgresOptions, log: Logger): Pool {
  const statementTimeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS;
  const sockets = new Set<Socket>();
  const config: PoolConfig = {
    stream: () => {
      const socket = new Socket();
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      return socket;
    },
    connectionString: withSessionOptions(options.url, `-c TimeZone=UTC -c statement_timeout=${statementTimeoutMs}`),
    application_name: options.name,
    max: options.maxConnections,
    connectionTimeoutMillis: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    query_timeout: statementTimeoutMs + ANSWER_TIMEOUT_MS,
    keepAlive: true,
  };
  const pool = new Pool(config);
  socketsOf.set(pool, sockets);
  // The pool listens to a connection until it gives it away, and whoever gets it listens a turn later. One that the server ends
  // in between has nobody, and its error would end the process; its next statement fails.
  pool.on('connect', (client) => client.on('error', (error) => log.debug({ err: error }, 'a connection broke')));
  // An idle connection that breaks is replaced at its next use; without a listener the error would end the process.
  pool.on('error', (error) => log.warn({ err: error }, 'an idle database connection broke'));
  return pool;
}

/** Ends a pool that nobody uses any more; what a server that does not answer leaves open is cut. */
export async function endPostgres(pool: Pool): Promise<void> {
  const ended = pool.end();
  await Promise.race([ended, delay(GOODBYE_MS, undefined, { ref: false })]);
  for (const socket of socketsOf.get(pool) ?? []) socket.destroy();
  await ended;
}

/** Ours come after those that the URL names, and win. */
function withSessionOptions(url: string, sessionOptions: string): string {
  const complete = new URL(url);
  const given = complete.searchParams.get('options');
  complete.searchParams.set('options', given === null ? sessionOptions : `${given} ${sessionOptions}`);
  return complete.href;
}
