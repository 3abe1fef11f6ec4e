import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import { readGroupBacklog } from '../../../platform/redis/group-backlog.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { WorkerObservers } from '../observers.ts';

/** What a log had when it was last seen. */
interface Look {
  readonly epoch: string;
  /** Acknowledged to devices and not stored. */
  readonly waiting: number;
  readonly atMs: number;
}

/** Notices that a log was lost, and says how much of what devices were told to forget had not been stored. */
export class LossWatch {
  readonly #redis: Redis;
  readonly #metrics: WorkerMetrics;
  readonly #log: Logger;
  readonly #looks = new Map<number, Look>();

  constructor(redis: Redis, observers: WorkerObservers) {
    this.#redis = redis;
    this.#metrics = observers.metrics;
    this.#log = observers.log;
  }

  /** @param held the shards of this worker: of a lost log one worker speaks, the last one that had it */
  async look(held: Iterable<number>): Promise<void> {
    const mine = new Set(held);
    const lost: { readonly shard: number; readonly waiting: number; readonly ageMs: number }[] = [];
    const looks = await Promise.allSettled(
      [...new Set([...mine, ...this.#looks.keys()])].map(async (shard) => {
        const waiting = await readGroupBacklog(this.#redis, redisKeys.readings(shard), consumerGroups.persist);
        // After the backlog: one of the log after this epoch must not be taken for one of this epoch.
        const epoch = await this.#redis.get(redisKeys.epoch(shard));
        const before = this.#looks.get(shard);
        if (before !== undefined && before.epoch !== epoch) {
          this.#looks.delete(shard);
          lost.push({ shard, waiting: before.waiting, ageMs: Math.round(performance.now() - before.atMs) });
        } else if (!mine.has(shard)) this.#looks.delete(shard);
        else if (epoch !== null && waiting !== undefined) {
          this.#looks.set(shard, { epoch, waiting, atMs: performance.now() });
        }
      }),
    );
    if (lost.length > 0) this.#report(lost);
    for (const look of looks) if (look.status === 'rejected') throw look.reason;
  }

  #report(lost: readonly { readonly shard: number; readonly waiting: number; readonly ageMs: number }[]): void {
    const entries = lost.reduce((sum, { waiting }) => sum + waiting, 0);
    this.#metrics.logLost.inc(entries);
    this.#log.error(
      { shards: lost.map(({ shard }) => shard), entries, seen_ms_before: Math.max(...lost.map(({ ageMs }) => ageMs)) },
      'logs were lost; so many acknowledged packs waited to be stored when they were last seen',
    );
  }
}
