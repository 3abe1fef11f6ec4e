import { POSITION_FIELD } from '../../../contracts/detect-checkpoint.ts';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';
import type { WorkerMetrics } from '../metrics.ts';

/** Longer than a worker takes to take over from another one. */
const KEEP_MS = 30_000;
/** Unread entries that are counted to find out whether the lag is right: far below what ingest lets wait. */
const MOST_COUNTED = 200;

/**
 * Deletes from the logs what is stored and evaluated, and keeps the count of what waits right. Never by length: what is not
 * stored stays, however much there is.
 */
export class LogTrimmer {
  readonly #trim: Script;
  readonly #correctLag: Script;
  readonly #metrics: WorkerMetrics;

  constructor(redis: Redis, metrics: WorkerMetrics) {
    this.#trim = defineScript(redis, 'ttTrim', 'trim.lua', import.meta.url);
    this.#correctLag = defineScript(redis, 'ttCorrectLag', 'correct-lag.lua', import.meta.url);
    this.#metrics = metrics;
  }

  /** One shard after the other: a long trim holds Redis up, and nobody waits for it. */
  async trim(shards: Iterable<number>): Promise<void> {
    for (const shard of shards) {
      await this.#correct(redisKeys.readings(shard), consumerGroups.persist);
      const deleted = await this.#trim(
        [redisKeys.readings(shard), redisKeys.detect(shard)],
        [consumerGroups.persist, POSITION_FIELD, KEEP_MS],
      );
      this.#metrics.logTrimmed.inc(Number(deleted));
    }
  }

  /** The alerts that are stored, once those who listen can have been told of them. */
  async trimAlerts(keepMs: number): Promise<void> {
    await this.#trim([redisKeys.alerts], [consumerGroups.storeAlerts, '', keepMs]);
  }

  /** What lies beside the shards' logs is read by groups too. */
  async correctOthers(): Promise<void> {
    await this.#correct(redisKeys.alerts, consumerGroups.storeAlerts);
    await this.#correct(redisKeys.requests, consumerGroups.carryOut);
    await this.#correct(redisKeys.securityEvents, consumerGroups.storeSecurityEvents);
  }

  async #correct(stream: string, group: string): Promise<void> {
    await this.#correctLag([stream], [group, MOST_COUNTED]);
  }
}
