import type { Pool } from 'pg';
import { EARLY_SKEW_MS, formatShardEpoch } from '../../../contracts/shard-epoch.ts';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { EpochRecords } from './epoch-records.ts';

/** Sees to it that every shard's log has begun and has its consumer groups. Ingest admits nothing into a log that has not begun. */
export class LogKeeper {
  readonly #redis: Redis;
  readonly #records: EpochRecords;
  readonly #shards: readonly number[];
  readonly #log: Logger;
  /** The epochs that the database is known to have, as they are in Redis, by shard. */
  readonly #recorded = new Map<number, string>();

  constructor(redis: Redis, database: Pool, shardCount: number, log: Logger) {
    this.#redis = redis;
    this.#records = new EpochRecords(database);
    this.#shards = Array.from({ length: shardCount }, (_, shard) => shard);
    this.#log = log;
  }

  async check(): Promise<void> {
    const epochs = await Promise.all(this.#shards.map((shard) => this.#redis.get(redisKeys.epoch(shard))));
    const missing = this.#shards.filter((shard) => epochs[shard] === null);
    if (missing.length > 0) await this.#begin(missing);
    else await this.#recordOthers(epochs);
    await this.#createGroup(redisKeys.alerts, consumerGroups.storeAlerts);
    await this.#createGroup(redisKeys.requests, consumerGroups.carryOut);
    await this.#createGroup(redisKeys.securityEvents, consumerGroups.storeSecurityEvents);
  }

  /**
   * A shard that the database does not know has never had a log. The record comes before the log, so that a crash in
   * between makes the next start careful, not careless; without a database it is careful too. All shards ask at once: a
   * database that does not answer costs one timeout.
   */
  async #begin(shards: readonly number[]): Promise<void> {
    for (const shard of shards) await this.#createGroup(redisKeys.readings(shard), consumerGroups.persist);
    const createdMs = Date.now();
    const first = await this.#recordBeginning(shards, createdMs);
    for (const shard of shards) {
      const refuseAtOrBeforeMs = first.has(shard) ? 0 : createdMs + EARLY_SKEW_MS;
      await this.#redis.setnx(redisKeys.epoch(shard), formatShardEpoch({ createdMs, refuseAtOrBeforeMs }));
      if (first.has(shard)) this.#log.debug({ shard }, 'the log of a shard has begun');
      else this.#log.warn({ shard }, 'the log of a shard was lost; a new one has begun and refuses older envelopes');
    }
  }

  async #recordBeginning(shards: readonly number[], createdMs: number): Promise<ReadonlySet<number>> {
    try {
      return await this.#records.add(shards.map((shard) => ({ shard, createdMs: String(createdMs) })));
    } catch (error) {
      this.#log.warn({ err: error }, 'the database does not answer; logs begin as if others had been lost');
      return new Set();
    }
  }

  /** Logs that began while the database was away, or before it was this one: unrecorded, their loss would look like a first start. */
  async #recordOthers(epochs: readonly (string | null)[]): Promise<void> {
    const unrecorded = [...epochs.entries()].flatMap(([shard, epoch]) =>
      epoch === null || this.#recorded.get(shard) === epoch ? [] : [{ shard, epoch }],
    );
    if (unrecorded.length === 0) return;
    try {
      await this.#records.add(unrecorded.map(({ shard, epoch }) => ({ shard, createdMs: createdOf(epoch) })));
    } catch (error) {
      this.#log.debug({ err: error }, 'the database does not answer; the logs are recorded later');
      return;
    }
    for (const { shard, epoch } of unrecorded) this.#recorded.set(shard, epoch);
  }

  async #createGroup(stream: string, group: string): Promise<void> {
    try {
      await this.#redis.xgroup('CREATE', stream, group, '0', 'MKSTREAM');
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('BUSYGROUP'))) throw error;
    }
  }
}

function createdOf(epoch: string): string {
  return epoch.split(':')[0] ?? '';
}
