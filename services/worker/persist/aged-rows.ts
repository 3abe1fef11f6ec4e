import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Logger } from '../../../platform/log/logger.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { WorkerObservers } from '../observers.ts';

/** Tables without partitions, because little comes into them, and the column that says how old a row is. */
const TIME_OF = { security_events: 'at', registry_requests: 'decided_at' } as const;
export type AgingTable = keyof typeof TIME_OF;

const DAY_MS = 86_400_000;
/** Rows of one statement: it holds its locks briefly, others come in between, and a worker that stops goes on with none. */
const DELETED_AT_ONCE = 5000;
const PAUSE_MS = 100;

/** Deletes rows that are older than their table keeps. */
export class AgedRows {
  readonly #database: Pool;
  readonly #keepDays: Readonly<Record<AgingTable, number | undefined>>;
  readonly #metrics: WorkerMetrics;
  readonly #log: Logger;

  /** @param keepDays undefined for ever */
  constructor(database: Pool, keepDays: Readonly<Record<AgingTable, number | undefined>>, observers: WorkerObservers) {
    this.#database = database;
    this.#keepDays = keepDays;
    this.#metrics = observers.metrics;
    this.#log = observers.log;
  }

  async check(nowMs: number, signal: AbortSignal): Promise<void> {
    for (const table of Object.keys(TIME_OF) as AgingTable[]) {
      const keepDays = this.#keepDays[table];
      if (keepDays !== undefined) await this.#delete(table, nowMs - keepDays * DAY_MS, signal);
    }
  }

  async #delete(table: AgingTable, olderThanMs: number, signal: AbortSignal): Promise<void> {
    const time = TIME_OF[table];
    let deleted = 0;
    let more = true;
    while (more && !signal.aborted) {
      const { rowCount } = await this.#database.query(
        `DELETE FROM ${table} WHERE id IN (
           SELECT id FROM ${table} WHERE ${time} < to_timestamp($1::float8 / 1000) ORDER BY ${time} LIMIT $2
           FOR UPDATE SKIP LOCKED)`,
        [olderThanMs, DELETED_AT_ONCE],
      );
      deleted += rowCount ?? 0;
      this.#metrics.rowsDeleted.inc({ table }, rowCount ?? 0);
      more = rowCount === DELETED_AT_ONCE;
      if (more) await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
    if (deleted > 0) this.#log.info({ table, deleted }, 'rows are older than what is kept and were deleted');
  }
}
