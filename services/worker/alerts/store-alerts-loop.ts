import { parseTransition, TRANSITION_FIELD } from '../../../contracts/alert-transition.ts';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import { GroupReader } from '../../../platform/redis/group-reader.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import type { StreamEntry } from '../../../platform/redis/stream-reply.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { WorkerObservers } from '../observers.ts';
import type { AlertStore, StoredTransition } from './alert-store.ts';

const READ_COUNT = 200;
const CONSUMER = 'worker';

/** Brings the transitions from their stream to the database, behind the alert and never before it. */
export class StoreAlertsLoop {
  readonly #reader: GroupReader;
  readonly #redis: Redis;
  readonly #store: AlertStore;
  readonly #metrics: WorkerMetrics;
  readonly #log: Logger;

  constructor(
    connections: { readonly reader: Redis; readonly redis: Redis },
    store: AlertStore,
    observers: WorkerObservers,
  ) {
    this.#reader = new GroupReader({
      reader: connections.reader,
      group: consumerGroups.storeAlerts,
      consumer: CONSUMER,
      field: TRANSITION_FIELD,
      count: () => READ_COUNT,
    });
    this.#redis = connections.redis;
    this.#store = store;
    this.#metrics = observers.metrics;
    this.#log = observers.log;
  }

  /** @param token fencing token by which this worker has the stream */
  async pass(token: number): Promise<void> {
    await this.#reader.pass(new Map([[redisKeys.alerts, token]]), (streams) =>
      this.#keep(streams.get(redisKeys.alerts) ?? []),
    );
  }

  async #keep(entries: readonly StreamEntry[]): Promise<void> {
    const transitions: StoredTransition[] = [];
    for (const { id, value } of entries) {
      const transition = parseTransition(value ?? '');
      if (transition === undefined) this.#log.error({ entry: id }, 'a transition cannot be read; it is not stored');
      else transitions.push({ cursor: id, transition });
    }
    await this.#store.store(transitions);
    this.#metrics.transitionsStored.inc(transitions.length);
    await this.#redis.xack(redisKeys.alerts, consumerGroups.storeAlerts, ...entries.map(({ id }) => id));
  }
}
