import type { Pool } from 'pg';

/** A log of a shard, by the time of its creation. */
export interface RecordedEpoch {
  readonly shard: number;
  readonly createdMs: string;
}

/** Which logs this installation has had, in the database: what a loss of Redis cannot take along. */
export class EpochRecords {
  readonly #database: Pool;

  constructor(database: Pool) {
    this.#database = database;
  }

  /** Adds these logs; answers the shards that have had none before. */
  async add(epochs: readonly RecordedEpoch[]): Promise<ReadonlySet<number>> {
    const { rows } = await this.#database.query<{ shard: number }>(
      `WITH wanted AS (SELECT shard, epoch FROM unnest($1::smallint[], $2::text[]) AS w (shard, epoch)),
            added AS (INSERT INTO log_epochs (shard, epoch) SELECT shard, epoch FROM wanted ON CONFLICT DO NOTHING)
       SELECT shard FROM wanted WHERE NOT EXISTS (SELECT 1 FROM log_epochs e WHERE e.shard = wanted.shard)`,
      [epochs.map(({ shard }) => shard), epochs.map(({ createdMs }) => createdMs)],
    );
    return new Set(rows.map(({ shard }) => shard));
  }
}
