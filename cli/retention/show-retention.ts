import type { Pool } from 'pg';
import { KEEP_REQUESTS_DAYS, keepSettings } from '../../platform/config/fragments.ts';
import { loadConfig } from '../../platform/config/load-config.ts';
import {
  listPartitions,
  PARTITIONED_TABLES,
  type PartitionedTable,
} from '../../platform/postgres/partitioned-tables.ts';
import { formatTable } from '../output/table.ts';
import { tellResult, type OutputOptions } from '../output/tell.ts';
import { withStores } from '../stores/with-stores.ts';
import { formatBytes, isoDay } from './format-size.ts';

const DAY_MS = 86_400_000;
/** Tables without partitions, whose old rows the worker deletes. */
const AGING_TABLES = ['security_events', 'registry_requests'] as const;

/** In the words of the wire: it is printed as it is. */
interface ShownTable {
  readonly table: string;
  /** Null for ever. */
  readonly keep_days: number | null;
  readonly bytes: number;
  readonly partitions: readonly ShownPartition[];
}

interface ShownPartition {
  readonly partition: string;
  /** The first day that is not in it. */
  readonly ends: string;
  readonly bytes: number;
  readonly estimated_rows: number;
  /** Whether the worker drops it at its next check, where it has the settings of this environment. */
  readonly due: boolean;
}

export async function showRetention(options: OutputOptions): Promise<void> {
  const keepDays = readKeepDays();
  const tables = await withStores(async ({ database }) => [
    ...(await Promise.all(PARTITIONED_TABLES.map((table) => describePartitioned(database, table, keepDays[table])))),
    ...(await describeAging(database, keepDays)),
  ]);
  tellResult(options, { tables }, format(tables));
}

function readKeepDays(): Readonly<Record<PartitionedTable | (typeof AGING_TABLES)[number], number | null>> {
  const config = loadConfig({ shape: keepSettings, foreignPrefixes: ['TELLTALE_'] }, process.env);
  const daysOf = (days: number): number | null => (days === 0 ? null : days);
  return {
    readings: daysOf(config.TELLTALE_WORKER_KEEP_READINGS_DAYS),
    device_positions: daysOf(config.TELLTALE_WORKER_KEEP_POSITIONS_DAYS),
    readings_minute: daysOf(config.TELLTALE_WORKER_KEEP_MINUTES_DAYS),
    readings_hour: daysOf(config.TELLTALE_WORKER_KEEP_HOURS_DAYS),
    security_events: daysOf(config.TELLTALE_WORKER_KEEP_SECURITY_EVENTS_DAYS),
    registry_requests: KEEP_REQUESTS_DAYS,
  };
}

async function describePartitioned(
  database: Pool,
  table: PartitionedTable,
  keepDays: number | null,
): Promise<ShownTable> {
  const endedByMs = keepDays === null ? -Infinity : Date.now() - keepDays * DAY_MS;
  const partitions = (await listPartitions(database, table)).map(({ name, endMs, bytes, rows }) => ({
    partition: name,
    ends: isoDay(endMs),
    bytes,
    estimated_rows: rows,
    due: endMs <= endedByMs,
  }));
  const bytes = partitions.reduce((sum, partition) => sum + partition.bytes, 0);
  return { table, keep_days: keepDays, bytes, partitions };
}

async function describeAging(
  database: Pool,
  keepDays: Readonly<Record<(typeof AGING_TABLES)[number], number | null>>,
): Promise<readonly ShownTable[]> {
  const { rows } = await database.query<{ table: (typeof AGING_TABLES)[number]; bytes: number }>(
    `SELECT name AS table, pg_total_relation_size(name::regclass)::float8 AS bytes FROM unnest($1::text[]) AS name`,
    [[...AGING_TABLES]],
  );
  return rows.map(({ table, bytes }) => ({ table, keep_days: keepDays[table], bytes, partitions: [] }));
}

function format(tables: readonly ShownTable[]): readonly string[] {
  const rows = tables.flatMap(({ table, keep_days: keepDays, bytes, partitions }) => [
    [table, keepDays === null ? 'for ever' : `${keepDays} days`, '', formatBytes(bytes), '', ''],
    ...partitions.map((each) => [
      '',
      '',
      each.partition,
      formatBytes(each.bytes),
      String(each.estimated_rows),
      each.due ? 'due to be dropped' : '',
    ]),
  ]);
  return formatTable(['table', 'kept', 'partition', 'size', 'rows (estimate)', ''], rows);
}
