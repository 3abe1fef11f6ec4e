import type { Pool } from 'pg';

const DAY_US = 86_400_000_000;

/** Daily partitions of readings, made before the first reading of their day is stored. Bounds are UTC. */
export class Partitions {
  readonly #database: Pool;
  readonly #made = new Set<number>();

  constructor(database: Pool) {
    this.#database = database;
  }

  async ensureFor(timesUs: Iterable<number>): Promise<void> {
    const days = new Set<number>();
    for (const timeUs of timesUs) days.add(Math.floor(timeUs / DAY_US));
    for (const day of days) {
      if (this.#made.has(day)) continue;
      // IF NOT EXISTS does not settle two workers that make one partition at once: the second fails, and then finds it made.
      await this.#make(day).catch(() => this.#make(day));
      this.#made.add(day);
    }
  }

  async #make(day: number): Promise<void> {
    await this.#database.query(
      `CREATE TABLE IF NOT EXISTS readings_p${isoDate(day).replaceAll('-', '')} PARTITION OF readings
       FOR VALUES FROM ('${isoDate(day)} 00:00:00+00') TO ('${isoDate(day + 1)} 00:00:00+00')`,
    );
  }
}

function isoDate(day: number): string {
  return new Date((day * DAY_US) / 1000).toISOString().slice(0, 10);
}
