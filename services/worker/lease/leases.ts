import { redisKeys, type LeaseTag } from '../../../contracts/redis-keys.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';
import type { WorkerMetrics } from '../metrics.ts';

/** What a worker may work on. */
export interface Held {
  /** The fencing token by which this worker may work on what lies under the tag; undefined when it may not. */
  tokenOf(tag: LeaseTag): number | undefined;
}

export interface LeasesOptions {
  /** Different for each process. */
  readonly worker: string;
  readonly tags: readonly LeaseTag[];
  readonly lastsMs: number;
}

interface Lease {
  readonly token: number;
  /** By our monotonic clock. */
  readonly untilMs: number;
}

/** Checks in the time that a lease lasts: two may fail. */
const CHECKS_PER_LEASE = 3;
/** The server counts whole milliseconds by a clock that may run a little faster than ours. */
const CLOCK_RESOLUTION_MS = 2;
const CLOCK_DRIFT = 0.01;

/**
 * The leases of this worker: each shard, and each stream that is not a shard's, is worked on by one worker at a time. A
 * worker that stood still finds its leases run out by the clock that did not, and what it says nevertheless carries a token
 * that is refused. Workers share the leases evenly.
 */
export class Leases implements Held {
  readonly #options: LeasesOptions;
  readonly #metrics: WorkerMetrics;
  readonly #log: Logger;
  readonly #lease: Script;
  readonly #announce: Script;
  readonly #leases = new Map<LeaseTag, Lease>();
  /** No more worked on, and given back at the next check: what is under way has until then. */
  #leaving: readonly LeaseTag[] = [];

  constructor(
    redis: Redis,
    options: LeasesOptions,
    observers: { readonly metrics: WorkerMetrics; readonly log: Logger },
  ) {
    this.#options = options;
    this.#metrics = observers.metrics;
    this.#log = observers.log;
    this.#lease = defineScript(redis, 'ttLease', 'lease.lua', import.meta.url);
    this.#announce = defineScript(redis, 'ttAnnounce', 'announce.lua', import.meta.url);
  }

  /** How often `check` has to run. */
  get checkEveryMs(): number {
    return this.#options.lastsMs / CHECKS_PER_LEASE;
  }

  tokenOf(tag: LeaseTag): number | undefined {
    const lease = this.#leases.get(tag);
    return lease !== undefined && performance.now() < lease.untilMs ? lease.token : undefined;
  }

  /** Renews what this worker has, gives back what is more than its share, and takes what is free. */
  async check(): Promise<void> {
    const { worker, tags, lastsMs } = this.#options;
    const workers = Number(await this.#announce([redisKeys.workers], [worker, lastsMs]));
    const share = Math.ceil(tags.length / Math.max(1, workers));
    await this.#renew();
    await this.#leave([...this.#leases.keys()].slice(share));
    await this.#take(share);
    this.#metrics.leasesHeld.set(this.#leases.size);
  }

  /** Gives back all of them, so that nobody has to wait until they run out. */
  async release(): Promise<void> {
    await this.#announce([redisKeys.workers], [this.#options.worker, 0]);
    await this.#leave([...this.#leases.keys()]);
    await this.#leave([]);
  }

  async #renew(): Promise<void> {
    await Promise.all([...this.#leases.keys()].map((tag) => this.#ask(tag, '')));
  }

  async #take(share: number): Promise<void> {
    const free = this.#options.tags.filter((tag) => !this.#leases.has(tag) && !this.#leaving.includes(tag));
    // Beyond its share a worker takes only what those whose share it is leave alone.
    const left = 2 * this.checkEveryMs;
    const before = this.#leases.size;
    for (const tag of shuffled(free)) await this.#ask(tag, this.#leases.size < share ? 0 : left);
    const taken = this.#leases.size - before;
    if (taken > 0) this.#log.info({ taken, held: this.#leases.size }, 'leases are taken');
  }

  async #leave(tags: readonly LeaseTag[]): Promise<void> {
    const before = this.#leaving;
    this.#leaving = tags;
    for (const tag of tags) this.#leases.delete(tag);
    await Promise.all(before.map((tag) => this.#lease([redisKeys.lease(tag)], [this.#options.worker, 0, ''])));
    if (before.length > 0) this.#log.info({ given: before.length, held: this.#leases.size }, 'leases are given back');
  }

  async #ask(tag: LeaseTag, freeForMs: number | ''): Promise<void> {
    const { worker, lastsMs } = this.#options;
    // From when it was asked for, which was before it began on the server, and less what clocks may differ by.
    const untilMs = performance.now() + lastsMs * (1 - CLOCK_DRIFT) - CLOCK_RESOLUTION_MS;
    const token = Number(await this.#lease([redisKeys.lease(tag)], [worker, lastsMs, freeForMs]));
    if (token > 0) this.#leases.set(tag, { token, untilMs });
    else if (this.#leases.delete(tag)) {
      this.#metrics.leasesLost.inc();
      this.#log.warn({ lease: tag }, 'a lease ran out before it was renewed');
    }
  }
}

/** In another order each time, so that workers that start together do not run after each other. */
function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
