import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import { parseSecurityEvent, SECURITY_EVENT_FIELD, type SecurityEvent } from '../../../contracts/security-event.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { SecurityEventStore } from '../../../platform/postgres/security-event-store.ts';
import { GroupReader } from '../../../platform/redis/group-reader.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import type { StreamEntry } from '../../../platform/redis/stream-reply.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { WorkerObservers } from '../observers.ts';

const READ_COUNT = 200;
const CONSUMER = 'worker';

/** Brings the security events from their stream to the database. */
export class StoreSecurityEventsLoop {
  readonly #reader: GroupReader;
  readonly #redis: Redis;
  readonly #store: SecurityEventStore;
  readonly #metrics: WorkerMetrics;
  readonly #log: Logger;

  constructor(
    connections: { readonly reader: Redis; readonly redis: Redis },
    store: SecurityEventStore,
    observers: WorkerObservers,
  ) {
    this.#reader = new GroupReader({
      reader: connections.reader,
      group: consumerGroups.storeSecurityEvents,
      consumer: CONSUMER,
      field: SECURITY_EVENT_FIELD,
      count: () => READ_COUNT,
    });
    this.#redis = connections.redis;
    this.#store = store;
    this.#metrics = observers.metrics;
    this.#log = observers.log;
  }

  /** @param token fencing token by which this worker has the stream */
  async pass(token: number): Promise<void> {
    await this.#reader.pass(new Map([[redisKeys.securityEvents, token]]), (streams) =>
      this.#keep(streams.get(redisKeys.securityEvents) ?? []),
    );
  }

  async #keep(entries: readonly StreamEntry[]): Promise<void> {
    const events: SecurityEvent[] = [];
    for (const { id, value } of entries) {
      const event = parseSecurityEvent(value ?? '');
      if (event !== undefined) events.push(event);
      // Without a value: the stream was cut to its length before the entry was acknowledged.
      else if (value === undefined) this.#log.warn({ entry: id }, 'a security event was dropped before it was stored');
      else this.#log.error({ entry: id }, 'a security event cannot be read; it is not stored');
    }
    await this.#store.store(events);
    this.#metrics.securityEvents.inc(events.length);
    await this.#redis.xack(
      redisKeys.securityEvents,
      consumerGroups.storeSecurityEvents,
      ...entries.map(({ id }) => id),
    );
  }
}
