import { parseTransition, TRANSITION_FIELD } from '../../../contracts/alert-transition.ts';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { parseStreamReply } from '../../../platform/redis/stream-reply.ts';
import type { AlertStore, StoredTransition } from './alert-store.ts';

const BLOCK_MS = 500;
const READ_COUNT = 200;
const CONSUMER = 'worker';

/** Brings the transitions from their stream to the database, behind the alert and never before it. */
export class StoreAlertsLoop {
  readonly #reader: Redis;
  readonly #redis: Redis;
  readonly #store: AlertStore;
  readonly #log: Logger;
  #unacknowledgedFirst = true;

  constructor(connections: { readonly reader: Redis; readonly redis: Redis }, store: AlertStore, log: Logger) {
    this.#reader = connections.reader;
    this.#redis = connections.redis;
    this.#store = store;
    this.#log = log;
  }

  async pass(): Promise<void> {
    const reply: unknown = await this.#reader.xreadgroup(
      'GROUP',
      consumerGroups.storeAlerts,
      CONSUMER,
      'COUNT',
      READ_COUNT,
      'BLOCK',
      BLOCK_MS,
      'STREAMS',
      redisKeys.alerts,
      this.#unacknowledgedFirst ? '0' : '>',
    );
    const entries = parseStreamReply(reply, TRANSITION_FIELD).get(redisKeys.alerts) ?? [];
    if (entries.length === 0) {
      this.#unacknowledgedFirst = false;
      return;
    }
    this.#unacknowledgedFirst = true;
    const transitions: StoredTransition[] = [];
    for (const { id, value } of entries) {
      const transition = parseTransition(value ?? '');
      if (transition === undefined) this.#log.error({ entry: id }, 'a transition cannot be read; it is not stored');
      else transitions.push({ cursor: id, transition });
    }
    await this.#store.store(transitions);
    await this.#redis.xack(redisKeys.alerts, consumerGroups.storeAlerts, ...entries.map(({ id }) => id));
  }
}
