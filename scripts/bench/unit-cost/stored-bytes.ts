import type { Pool } from 'pg';
import type { Redis } from '../../../platform/redis/open-redis.ts';

const SCAN_COUNT = 1000;

/** Bytes of memory of the keys of Redis by what they are for, such as `replay` for `tt:{12}:replay:<thumbprint>`. */
export async function readRedisBytes(redis: Redis): Promise<ReadonlyMap<string, number>> {
  const bytes = new Map<string, number>();
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'COUNT', SCAN_COUNT);
    cursor = next;
    const asking = redis.pipeline();
    for (const key of keys) asking.memory('USAGE', key, 'SAMPLES', 0);
    const answers = (await asking.exec()) ?? [];
    for (const [index, key] of keys.entries()) {
      const [, , purpose = ''] = key.split(':');
      // Those of the registry have one key each, which says what it is.
      bytes.set(purpose, (bytes.get(purpose) ?? 0) + Number(answers[index]?.[1] ?? 0));
    }
  } while (cursor !== '0');
  return bytes;
}

/** One number of INFO. */
export async function readRedisInfo(redis: Redis, name: string): Promise<number> {
  const value = new RegExp(`^${name}:(\\d+)`, 'm').exec(await redis.info('everything'))?.[1];
  if (value === undefined) throw new Error(`Redis does not tell ${name}`);
  return Number(value);
}

export interface DatabaseBytes {
  /** With their indexes. */
  readonly readings: number;
  readonly rollups: number;
  readonly registry: number;
  /** Of the log before the tables, ever written. */
  readonly wal: number;
}

const GROUPS = {
  readings: ['readings'],
  rollups: ['readings_minute', 'readings_hour'],
  registry: ['devices', 'device_keys', 'api_keys', 'metrics', 'device_clocks'],
} as const;

export async function readDatabaseBytes(database: Pool): Promise<DatabaseBytes> {
  const sizeOf = async (tables: readonly string[]): Promise<number> => {
    const { rows } = await database.query<{ bytes: string }>(
      `SELECT coalesce(sum(pg_total_relation_size(part.relid)), 0)::text AS bytes
       FROM unnest($1::text[]) AS name JOIN pg_class ON oid = to_regclass(name)
       CROSS JOIN LATERAL (
         SELECT relid FROM pg_partition_tree(oid) WHERE isleaf UNION SELECT oid WHERE relkind = 'r'
       ) AS part`,
      [tables],
    );
    return Number(rows[0]?.bytes ?? 0);
  };
  const { rows } = await database.query<{ bytes: string }>(`SELECT pg_current_wal_lsn() - '0/0' AS bytes`);
  return {
    readings: await sizeOf(GROUPS.readings),
    rollups: await sizeOf(GROUPS.rollups),
    registry: await sizeOf(GROUPS.registry),
    wal: Number(rows[0]?.bytes ?? 0),
  };
}

/** Rows of the rollup by the minute. */
export async function countMinuteRows(database: Pool): Promise<number> {
  const { rows } = await database.query<{ rows: string }>('SELECT count(*)::text AS rows FROM readings_minute');
  return Number(rows[0]?.rows);
}
