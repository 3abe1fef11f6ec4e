import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from 'ioredis';
import { redisKeys, type LeaseTag } from '../../../contracts/redis-keys.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Samples } from '../../../platform/metrics/metric-set.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { WorkerObservers } from '../observers.ts';

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
/** Of the time between two checks, for each of the steps of a check: all of them take less than one more. */
const PATIENT_PARTS = 5;

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
  /** What a node of a cluster has not answered yet: it is not asked again, and nobody waits long for it. */
  readonly #asking = new Map<LeaseTag, Promise<void>>();
  readonly #patienceMs: number;
  #workers = 1;
  /** No more worked on, and given back at the next check: what is under way has until then. With their tokens. */
  #leaving: ReadonlyMap<LeaseTag, number> = new Map();

  constructor(redis: Redis, options: LeasesOptions, observers: WorkerObservers) {
    this.#options = options;
    this.#metrics = observers.metrics;
    this.#log = observers.log;
    this.#lease = defineScript(redis, 'ttLease', 'lease.lua', import.meta.url);
    this.#announce = defineScript(redis, 'ttAnnounce', 'announce.lua', import.meta.url);
    // One server answers everything or nothing. One node of a cluster must not cost the leases on the others.
    this.#patienceMs = redis instanceof Cluster ? this.checkEveryMs / PATIENT_PARTS : Infinity;
  }

  /** How often `check` has to run. */
  get checkEveryMs(): number {
    return this.#options.lastsMs / CHECKS_PER_LEASE;
  }

  tokenOf(tag: LeaseTag): number | undefined {
    const lease = this.#leases.get(tag);
    return lease !== undefined && performance.now() < lease.untilMs ? lease.token : undefined;
  }

  /** How many of each kind this worker may work on: `shard`, or the name of what is not a shard's. */
  get held(): Samples<'lease'> {
    const counts = new Map<string, number>([['shard', 0]]);
    for (const tag of this.#options.tags) {
      const lease = typeof tag === 'number' ? 'shard' : tag;
      const isHeld = this.tokenOf(tag) !== undefined;
      counts.set(lease, (counts.get(lease) ?? 0) + (isHeld ? 1 : 0));
    }
    return [...counts].map(([lease, count]) => [{ lease }, count]);
  }

  /** Renews what this worker has, gives back what is more than its share, and takes what is free. Rejects when nobody answers. */
  async check(): Promise<void> {
    const { tags } = this.#options;
    const failures = [...(await this.#renew()), ...(await this.#count())];
    if (failures.length > 0 && this.#patienceMs === Infinity) throw failures[0];
    const share = Math.ceil(tags.length / Math.max(1, this.#workers));
    const surplus = [...this.#leases.keys()].filter((tag) => !this.#asking.has(tag)).slice(share);
    failures.push(...(await this.#leave(surplus)), ...(await this.#take(share)));
    if (failures.length === 0) return;
    if (tags.every((tag) => this.tokenOf(tag) === undefined)) throw failures[0];
    this.#log.debug({ err: failures[0], failures: failures.length }, 'some leases could not be asked for');
  }

  /** Gives back all of them, so that nobody has to wait until they run out. */
  async release(): Promise<void> {
    await this.#announce([redisKeys.workers], [this.#options.worker, 0]);
    const failures = [...(await this.#leave([...this.#leases.keys()])), ...(await this.#leave([]))];
    if (failures.length > 0) throw failures[0];
  }

  async #count(): Promise<readonly unknown[]> {
    const { worker, lastsMs } = this.#options;
    const counting = this.#announce([redisKeys.workers], [worker, lastsMs]).then((count) => {
      this.#workers = Number(count);
    });
    return await this.#waitFor([counting]);
  }

  async #renew(): Promise<readonly unknown[]> {
    return await this.#waitFor([...this.#leases.keys()].map((tag) => this.#ask(tag, '')));
  }

  async #take(share: number): Promise<readonly unknown[]> {
    const free = this.#options.tags.filter(
      (tag) => !this.#leases.has(tag) && !this.#leaving.has(tag) && !this.#asking.has(tag),
    );
    // Beyond its share a worker takes only what those whose share it is leave alone.
    const left = 2 * this.checkEveryMs;
    const before = this.#leases.size;
    const untilMs = performance.now() + this.#patienceMs;
    const failures: unknown[] = [];
    for (const tag of shuffled(free)) {
      if (performance.now() >= untilMs || (failures.length > 0 && this.#patienceMs === Infinity)) break;
      failures.push(...(await this.#waitFor([this.#ask(tag, this.#leases.size < share ? 0 : left)])));
    }
    const taken = this.#leases.size - before;
    if (taken > 0) this.#log.info({ taken, held: this.#leases.size }, 'leases are taken');
    return failures;
  }

  async #leave(tags: readonly LeaseTag[]): Promise<readonly unknown[]> {
    const before = this.#leaving;
    const leaving = new Map<LeaseTag, number>();
    for (const tag of tags) {
      const lease = this.#leases.get(tag);
      if (lease !== undefined) leaving.set(tag, lease.token);
      this.#leases.delete(tag);
    }
    this.#leaving = leaving;
    const failures = await this.#waitFor(
      [...before].map(async ([tag, token]) => {
        await this.#lease([redisKeys.lease(tag)], [this.#options.worker, 0, token]);
      }),
    );
    if (before.size > 0) this.#log.info({ given: before.size, held: this.#leases.size }, 'leases are given back');
    return failures;
  }

  /** What failed, among what came to an end in time. */
  async #waitFor(answers: readonly Promise<void>[]): Promise<readonly unknown[]> {
    const failures: unknown[] = [];
    const settled = Promise.all(answers.map((answer) => answer.catch((error: unknown) => failures.push(error))));
    await (this.#patienceMs === Infinity ? settled : Promise.race([settled, delay(this.#patienceMs)]));
    return failures;
  }

  /** Does nothing while an answer is due. */
  #ask(tag: LeaseTag, freeForMs: number | ''): Promise<void> {
    const underWay = this.#asking.get(tag);
    if (underWay !== undefined) return underWay;
    const asking = this.#askAnew(tag, freeForMs).finally(() => this.#asking.delete(tag));
    this.#asking.set(tag, asking);
    return asking;
  }

  async #askAnew(tag: LeaseTag, freeForMs: number | ''): Promise<void> {
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
