import type { Pool } from 'pg';
import { UsageFailure } from '../../platform/lifecycle/command-failure.ts';
import {
  dropPartition,
  listPartitions,
  PARTITIONED_TABLES,
  type Partition,
  type PartitionedTable,
} from '../../platform/postgres/partitioned-tables.ts';
import { confirm } from '../options/confirm.ts';
import { openProgress } from '../output/progress.ts';
import { tellDone, type OutputOptions } from '../output/tell.ts';
import { withStores } from '../stores/with-stores.ts';
import { formatBytes } from './format-size.ts';

interface DropOptions extends OutputOptions {
  readonly before: string;
  readonly table?: readonly string[];
  readonly yes: boolean;
}

export async function dropOld(options: DropOptions): Promise<void> {
  const beforeMs = parseDay(options.before);
  const tables = options.table?.map(parseTable) ?? PARTITIONED_TABLES;
  await withStores(async ({ database }) => {
    const old = await findOld(database, tables, beforeMs);
    const bytes = old.reduce((sum, partition) => sum + partition.bytes, 0);
    const names = old.map(({ name }) => name);
    if (old.length > 0 && !options.yes) {
      await confirm(`drop ${names.join(', ')} (${formatBytes(bytes)})?`, 'nothing is dropped');
    }
    using progress = openProgress('partitions', old.length);
    for (const partition of old) {
      await dropPartition(database, partition);
      await progress.advance();
    }
    progress[Symbol.dispose]();
    const what = old.length === 0 ? `nothing is wholly older than ${options.before}` : `dropped: ${names.join(', ')}`;
    tellDone(options, { before: options.before, dropped: names, bytes }, what);
  });
}

async function findOld(
  database: Pool,
  tables: readonly PartitionedTable[],
  beforeMs: number,
): Promise<readonly Partition[]> {
  const all = await Promise.all(tables.map((table) => listPartitions(database, table)));
  return all.flat().filter(({ endMs }) => endMs <= beforeMs);
}

function parseDay(text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN;
  if (Number.isNaN(ms)) throw new UsageFailure(`--before ${text} is no day such as 2026-01-01`);
  if (ms > Date.now()) {
    throw new UsageFailure(
      `--before ${text} is still to come: everything that is stored is older, and would be dropped`,
    );
  }
  return ms;
}

function parseTable(text: string): PartitionedTable {
  const table = PARTITIONED_TABLES.find((known) => known === text);
  if (table === undefined) throw new UsageFailure(`--table is one of ${PARTITIONED_TABLES.join(', ')}`);
  return table;
}
