import { UsageFailure } from '../../platform/lifecycle/command-failure.ts';
import { formatTable } from '../output/table.ts';
import { tellResult, type OutputOptions } from '../output/tell.ts';
import { withStores } from '../stores/with-stores.ts';

const MAX_COUNT = 10_000;
const COLUMNS = ['offset_ms', 'lowest_ms', 'highest_ms', 'envelopes', 'updated_at', 'device'] as const;

type ClockRow = Readonly<Record<(typeof COLUMNS)[number], string | number>>;

/** The devices whose clocks are furthest off, one a line; see docs/operations.md for what the numbers mean. */
export async function printClocks(options: OutputOptions & { readonly count: string }): Promise<void> {
  const limit = Number(options.count);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_COUNT) {
    throw new UsageFailure(`--count is from 1 to ${MAX_COUNT}`);
  }
  const clocks = await withStores(async ({ database }) => {
    const { rows } = await database.query<ClockRow>(
      `SELECT offset_ms, lowest_ms, highest_ms, envelopes::float8 AS envelopes,
              to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS updated_at, device_id AS device
       FROM device_clocks ORDER BY abs(offset_ms) DESC, device_id LIMIT $1`,
      [limit],
    );
    return rows;
  });
  const rows = clocks.map((clock) => COLUMNS.map((column) => String(clock[column])));
  tellResult(options, { clocks }, formatTable(COLUMNS, rows));
}
