import { createLogger } from '../../platform/log/logger.ts';
import { openPostgres } from '../../platform/postgres/open-postgres.ts';
import { findStores } from './with-registry.ts';

const MAX_COUNT = 10_000;

/** The devices whose clocks are furthest off, one a line; see docs/operations.md for what the numbers mean. */
export async function printClocks({ count }: { readonly count: string }): Promise<void> {
  const limit = Number(count);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_COUNT) throw new Error(`--count is from 1 to ${MAX_COUNT}`);
  const { databaseUrl } = await findStores();
  const log = createLogger('admin', 'silent');
  const database = openPostgres({ url: databaseUrl, name: 'telltale-admin', maxConnections: 1 }, log);
  try {
    const { rows } = await database.query<{ line: string }>(
      `SELECT concat_ws(E'\\t', offset_ms, lowest_ms, highest_ms, envelopes,
                        to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), device_id) AS line
       FROM device_clocks ORDER BY abs(offset_ms) DESC, device_id LIMIT $1`,
      [limit],
    );
    process.stdout.write('offset_ms\tlowest_ms\thighest_ms\tenvelopes\tupdated_at\tdevice\n');
    for (const { line } of rows) process.stdout.write(`${line}\n`);
  } finally {
    await database.end();
  }
}
