import type { Pool } from 'pg';
import type { Logger } from '../../../platform/log/logger.ts';
import {
  dropPartition,
  listPartitions,
  PARTITIONED_TABLES,
  type PartitionedTable,
} from '../../../platform/postgres/partitioned-tables.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { WorkerObservers } from '../observers.ts';
import type { Partitions } from './partitions.ts';

/** Days that a table keeps, after those that are not over; undefined for ever. */
export type KeepDays = Readonly<Record<PartitionedTable, number | undefined>>;

const DAY_MS = 86_400_000;
/** Rows that come at midnight find their partition made. */
const DAYS_AHEAD = 2;

/** Makes partitions ahead, and drops those that are older than what is kept. */
export class Retention {
  readonly #database: Pool;
  readonly #partitions: Partitions;
  readonly #keepDays: KeepDays;
  readonly #metrics: WorkerMetrics;
  readonly #log: Logger;

  constructor(database: Pool, partitions: Partitions, keepDays: KeepDays, observers: WorkerObservers) {
    this.#database = database;
    this.#partitions = partitions;
    this.#keepDays = keepDays;
    this.#metrics = observers.metrics;
    this.#log = observers.log;
  }

  async check(nowMs: number): Promise<void> {
    const ahead = Array.from({ length: DAYS_AHEAD + 1 }, (_, days) => (nowMs + days * DAY_MS) * 1000);
    for (const table of PARTITIONED_TABLES) {
      await this.#partitions.ensureFor(table, ahead);
      const keepDays = this.#keepDays[table];
      if (keepDays !== undefined) await this.#drop(table, nowMs - keepDays * DAY_MS);
    }
  }

  async #drop(table: PartitionedTable, endedByMs: number): Promise<void> {
    for (const partition of await listPartitions(this.#database, table)) {
      if (partition.endMs > endedByMs) continue;
      // Rows may come for it later: what stores them fails once, and makes it again.
      this.#partitions.forget();
      await dropPartition(this.#database, partition);
      this.#metrics.partitionsDropped.inc({ table });
      this.#log.info({ partition: partition.name }, 'a partition is older than what is kept and was dropped');
    }
  }
}
