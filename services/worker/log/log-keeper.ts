import type { Pool } from 'pg';
import { formatShardEpoch } from '../../../contracts/shard-epoch.ts';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';

/** How far ahead of ours a device's clock may be: what it signed then could still be replayed into a new log. */
const EARLY_SKEW_MS = 30_000;

/** Sees to it that every shard's log has begun and has its consumer groups. Ingest admits nothing into a log that has not begun. */
export class LogKeeper {
  readonly #redis: Redis;
  readonly #database: Pool;
  readonly #shardCount: number;
  readonly #log: Logger;

  constructor(redis: Redis, database: Pool, shardCount: number, log: Logger) {
    this.#redis = redis;
    this.#database = database;
    this.#shardCount = shardCount;
    this.#log = log;
  }

  async check(): Promise<void> {
    for (let shard = 0; shard < this.#shardCount; shard += 1) {
      if ((await this.#redis.exists(redisKeys.epoch(shard))) === 1) continue;
      await this.#createGroup(redisKeys.readings(shard), consumerGroups.persist);
      await this.#begin(shard);
    }
    await this.#createGroup(redisKeys.alerts, consumerGroups.storeAlerts);
  }

  async #begin(shard: number): Promise<void> {
    const createdMs = Date.now();
    const first = await this.#recordEpoch(shard, createdMs);
    const epoch = formatShardEpoch({ createdMs, refuseAtOrBeforeMs: first ? 0 : createdMs + EARLY_SKEW_MS });
    await this.#redis.setnx(redisKeys.epoch(shard), epoch);
    if (first) this.#log.debug({ shard }, 'the log of a shard has begun');
    else this.#log.warn({ shard }, 'the log of a shard was lost; a new one has begun and refuses older envelopes');
  }

  /**
   * True when this installation has never had a log for the shard. The record comes before the log, so that a crash in
   * between makes the next start careful, not careless; without a database it is careful too.
   */
  async #recordEpoch(shard: number, createdMs: number): Promise<boolean> {
    try {
      const { rows } = await this.#database.query<{ first: boolean }>(
        `WITH known AS (SELECT count(*) AS logs FROM log_epochs WHERE shard = $1),
              added AS (INSERT INTO log_epochs (shard, epoch) VALUES ($1, $2) ON CONFLICT DO NOTHING)
         SELECT logs = 0 AS first FROM known`,
        [shard, String(createdMs)],
      );
      return rows[0]?.first === true;
    } catch (error) {
      this.#log.warn({ err: error, shard }, 'the database does not answer; the log begins as if one had been lost');
      return false;
    }
  }

  async #createGroup(stream: string, group: string): Promise<void> {
    try {
      await this.#redis.xgroup('CREATE', stream, group, '0', 'MKSTREAM');
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('BUSYGROUP'))) throw error;
    }
  }
}
