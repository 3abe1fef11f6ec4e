import type { Pool } from 'pg';

const DAY_US = 86_400_000_000;

/** What has a partition for each day. */
export type DailyTable = 'readings' | 'device_positions';

/** Daily partitions, made before the first row of their day is stored. Bounds are UTC. */
export class Partitions {
  readonly #database: Pool;
  readonly #made = new Set<string>();

  constructor(database: Pool) {
    this.#database = database;
  }

  async ensureFor(table: DailyTable, timesUs: Iterable<number>): Promise<void> {
    const days = new Set<number>();
    for (const timeUs of timesUs) days.add(Math.floor(timeUs / DAY_US));
    for (const day of days) {
      const partition = `${table}_p${isoDate(day).replaceAll('-', '')}`;
      if (this.#made.has(partition)) continue;
      // IF NOT EXISTS does not settle two workers that make one partition at once: the second fails, and then finds it made.
      await this.#make(partition, table, day).catch(() => this.#make(partition, table, day));
      this.#made.add(partition);
    }
  }

  async #make(partition: string, table: DailyTable, day: number): Promise<void> {
    await this.#database.query(
      `CREATE TABLE IF NOT EXISTS ${partition} PARTITION OF ${table}
       FOR VALUES FROM ('${isoDate(day)} 00:00:00+00') TO ('${isoDate(day + 1)} 00:00:00+00')`,
    );
  }
}

function isoDate(day: number): string {
  return new Date((day * DAY_US) / 1000).toISOString().slice(0, 10);
}
