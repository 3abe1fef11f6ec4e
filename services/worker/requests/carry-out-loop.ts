import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import {
  encodeRequestState,
  parseRegistryRequest,
  REGISTRY_REQUEST_FIELD,
  REQUEST_STATE_KEPT_S,
  stateOf,
  type RegistryRequest,
  type RequestOutcome,
} from '../../../contracts/registry-request.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import { GroupReader } from '../../../platform/redis/group-reader.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import type { StreamEntry } from '../../../platform/redis/stream-reply.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { WorkerObservers } from '../observers.ts';
import type { RequestStore } from './request-store.ts';

const READ_COUNT = 50;
const CONSUMER = 'worker';

/** Carries out what devices ask the registry to change, tells what became of it, and only then forgets the request. */
export class CarryOutLoop {
  readonly #reader: GroupReader;
  readonly #redis: Redis;
  readonly #store: RequestStore;
  readonly #metrics: WorkerMetrics;
  readonly #log: Logger;

  constructor(
    connections: { readonly reader: Redis; readonly redis: Redis },
    store: RequestStore,
    observers: WorkerObservers,
  ) {
    this.#reader = new GroupReader({
      reader: connections.reader,
      group: consumerGroups.carryOut,
      consumer: CONSUMER,
      field: REGISTRY_REQUEST_FIELD,
      count: () => READ_COUNT,
    });
    this.#redis = connections.redis;
    this.#store = store;
    this.#metrics = observers.metrics;
    this.#log = observers.log;
  }

  /**
   * @param token fencing token by which this worker has the stream
   * @param stop  leaves the requests behind the first to whoever has the stream next
   */
  async pass(token: number, stop?: AbortSignal): Promise<void> {
    await this.#reader.pass(new Map([[redisKeys.requests, token]]), async (streams) => {
      for (const [index, entry] of (streams.get(redisKeys.requests) ?? []).entries()) {
        if (index > 0 && stop?.aborted === true) return;
        await this.#handle(entry);
      }
    });
  }

  async #handle({ id, value }: StreamEntry): Promise<void> {
    const request = parseRegistryRequest(value ?? '');
    if (request === undefined) {
      this.#log.error({ entry: id }, 'a request to the registry cannot be read; it is not carried out');
    } else {
      const outcome = await this.#store.carryOut(request);
      this.#report(request, outcome);
      const state = encodeRequestState(stateOf(request, outcome));
      await this.#redis.set(redisKeys.requestState(request.id), state, 'EX', REQUEST_STATE_KEPT_S);
    }
    await this.#redis.xack(redisKeys.requests, consumerGroups.carryOut, id);
    // The length of the stream is the backlog that ingest bounds.
    await this.#redis.xdel(redisKeys.requests, id);
  }

  #report({ kind, device, key }: RegistryRequest, outcome: RequestOutcome): void {
    this.#metrics.requests.inc({ kind, outcome: outcome.state === 'done' ? 'done' : outcome.code });
    const about = { request: kind, device, key: key.id };
    if (outcome.state === 'done') this.#log.info(about, 'a request of a device to the registry is carried out');
    else this.#log.warn({ ...about, code: outcome.code }, 'a request of a device to the registry is refused');
  }
}
