import type { Pool } from 'pg';
import { PERIODS, type PartitionedTable } from '../../../platform/postgres/partitioned-tables.ts';
import { inTransaction } from '../../../platform/postgres/transaction.ts';

const DAY_US = 86_400_000_000;
/** Any number that nobody else locks by: "part". */
const PARTITIONS_LOCK = 0x70617274;

/** A stretch of time that has a partition; dates are UTC, as `2026-11-21`. */
interface Stretch {
  readonly suffix: string;
  readonly from: string;
  readonly to: string;
}

/** Partitions by day or month, made before the first row of theirs is stored. Bounds are UTC. */
export class Partitions {
  readonly #database: Pool;
  readonly #made = new Set<string>();

  constructor(database: Pool) {
    this.#database = database;
  }

  async ensureFor(table: PartitionedTable, timesUs: Iterable<number>): Promise<void> {
    const days = new Set<number>();
    for (const timeUs of timesUs) days.add(Math.floor(timeUs / DAY_US));
    for (const day of days) {
      const stretch = PERIODS[table] === 'day' ? dayOf(day) : monthOf(day);
      const partition = `${table}_p${stretch.suffix}`;
      if (this.#made.has(partition)) continue;
      await this.#make(partition, table, stretch);
      this.#made.add(partition);
    }
  }

  /** After a failure: the database may be another one now, or an operator may have dropped some. */
  forget(): void {
    this.#made.clear();
  }

  /**
   * Attached, not created in its place: that would wait for everybody who reads the table, and have everybody who writes to
   * it wait. Workers that make the same one take turns.
   */
  async #make(partition: string, table: PartitionedTable, { from, to }: Stretch): Promise<void> {
    await inTransaction(this.#database, async (client) => {
      await client.query('SELECT pg_advisory_xact_lock($1)', [PARTITIONS_LOCK]);
      const { rows } = await client.query<{ made: boolean }>('SELECT to_regclass($1) IS NOT NULL AS made', [partition]);
      if (rows[0]?.made === true) return;
      await client.query(`CREATE TABLE ${partition} (LIKE ${table} INCLUDING ALL)`);
      await client.query(
        `ALTER TABLE ${table} ATTACH PARTITION ${partition}
         FOR VALUES FROM ('${from} 00:00:00+00') TO ('${to} 00:00:00+00')`,
      );
    });
  }
}

function dayOf(day: number): Stretch {
  const from = isoDate(day);
  return { suffix: from.replaceAll('-', ''), from, to: isoDate(day + 1) };
}

function monthOf(day: number): Stretch {
  const date = new Date((day * DAY_US) / 1000);
  const first = (months: number) => isoDate(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months) / 86_400_000);
  const from = first(0);
  return { suffix: from.slice(0, 7).replace('-', ''), from, to: first(1) };
}

function isoDate(day: number): string {
  return new Date((day * DAY_US) / 1000).toISOString().slice(0, 10);
}
