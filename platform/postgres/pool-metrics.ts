import type { Registry } from 'prom-client';
import type { Pool } from 'pg';
import { MetricSet } from '../metrics/metric-set.ts';

/** How the pools of database connections are used. */
export class PoolMetrics {
  readonly #pools = new Map<string, Pool>();

  constructor(registry: Registry) {
    const metrics = new MetricSet(registry);
    metrics.readings(
      'postgres_pool_connections',
      'Connections to the database, by pool, that are `idle` or `used`.',
      ['pool', 'state'],
      () =>
        [...this.#pools].flatMap(([pool, { idleCount, totalCount }]) => [
          [{ pool, state: 'idle' }, idleCount] as const,
          [{ pool, state: 'used' }, totalCount - idleCount] as const,
        ]),
    );
    metrics.readings(
      'postgres_pool_waiting_requests',
      'Requests that wait for a connection of the pool.',
      ['pool'],
      () => [...this.#pools].map(([pool, { waitingCount }]) => [{ pool }, waitingCount]),
    );
  }

  watch(name: string, pool: Pool): void {
    this.#pools.set(name, pool);
  }
}
