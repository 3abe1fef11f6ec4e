import type { Pool } from 'pg';
import { inTransaction } from './transaction.ts';

/** How long a partition of each table is. */
export const PERIODS = {
  readings: 'day',
  device_positions: 'day',
  readings_minute: 'day',
  readings_hour: 'month',
} as const;
export type PartitionedTable = keyof typeof PERIODS;
export const PARTITIONED_TABLES = Object.keys(PERIODS) as PartitionedTable[];

/** A drop locks the whole table: who waits for it makes everybody wait. */
const LOCK_TIMEOUT_MS = 2000;

export interface Partition {
  readonly name: string;
  /** When what is in it has ended, Unix milliseconds. */
  readonly endMs: number;
  /** With its indexes. */
  readonly bytes: number;
  /** As the database last estimated; 0 for one that it has not looked at yet. */
  readonly rows: number;
}

/** The partitions of a table, the oldest first; one whose name is not of ours is left out. */
export async function listPartitions(database: Pool, table: PartitionedTable): Promise<readonly Partition[]> {
  const { rows } = await database.query<Omit<Partition, 'endMs'>>(
    `SELECT c.relname AS name, pg_total_relation_size(c.oid)::float8 AS bytes, greatest(0, c.reltuples)::float8 AS rows
     FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = $1::regclass ORDER BY c.relname`,
    [table],
  );
  return rows.flatMap((row) => {
    const endMs = endOfPartition(table, row.name);
    return endMs === undefined ? [] : [{ ...row, endMs }];
  });
}

/** Rejects when somebody uses the table for longer than others may be kept waiting. */
export async function dropPartition(database: Pool, { name }: Partition): Promise<void> {
  await inTransaction(database, async (client) => {
    await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await client.query(`DROP TABLE IF EXISTS ${name}`);
  });
}

/** Where a partition ends, Unix milliseconds; undefined for a name that is not of ours. */
function endOfPartition(table: PartitionedTable, name: string): number | undefined {
  const [, year, month, day] = /_p([0-9]{4})([0-9]{2})([0-9]{2})?$/.exec(name) ?? [];
  if (year === undefined || month === undefined || !name.startsWith(`${table}_p`)) return undefined;
  return day === undefined
    ? Date.UTC(Number(year), Number(month))
    : Date.UTC(Number(year), Number(month) - 1, Number(day) + 1);
}
