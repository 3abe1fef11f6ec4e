import type { Counter, Registry } from 'prom-client';
import { MetricSet } from '../metrics/metric-set.ts';
import type { Redis } from './open-redis.ts';

/** How the connections to Redis are. */
export class RedisMetrics {
  readonly #connections = new Map<string, Redis>();
  readonly #lost: Counter<'connection'>;

  constructor(registry: Registry) {
    const metrics = new MetricSet(registry);
    this.#lost = metrics.counter(
      'redis_connections_lost_total',
      'Connections to Redis that ended without our doing, attempts to connect again included.',
      ['connection'],
    );
    metrics.readings(
      'redis_connection_up',
      '1 for a connection to Redis that can be used, else 0.',
      ['connection'],
      () => [...this.#connections].map(([connection, redis]) => [{ connection }, redis.status === 'ready' ? 1 : 0]),
    );
  }

  /**
   * Answers the connection.
   *
   * @param connection its name, by which `CLIENT LIST` knows it, too
   */
  watch<Connection extends Redis>(connection: string, redis: Connection): Connection {
    this.#connections.set(connection, redis);
    this.#lost.inc({ connection }, 0);
    let isEnded = false;
    redis.on('end', () => (isEnded = true));
    redis.on('close', () => {
      // What we end ourselves is ended by then.
      setImmediate(() => {
        if (!isEnded) this.#lost.inc({ connection });
      });
    });
    return redis;
  }
}
