import assert from 'node:assert/strict';
import type { ClientBase, Pool } from 'pg';

/** Everything that the rollups say and the readings do not, or the other way round. The sum may differ by its rounding. */
function differencesOf(table: 'readings_minute' | 'readings_hour', stride: string): string {
  return `
    SELECT '${table}' AS "table", coalesce(e.device_id, r.device_id) AS device, coalesce(e.time, r.time)::text AS time,
           e.readings::int AS expected, r.readings::int AS rolled_up
      FROM (SELECT device_id, metric_id, date_bin('${stride}', time, timestamptz 'epoch') AS time, count(*) AS readings,
                   count(value) AS numbers, sum(value) FILTER (WHERE abs(value) < 1e290) AS sum, min(value) AS min,
                   max(value) AS max
              FROM readings GROUP BY 1, 2, 3) e
      FULL JOIN ${table} r USING (device_id, metric_id, time)
     WHERE (e.readings, e.numbers, e.min, e.max, e.sum IS NULL)
             IS DISTINCT FROM (r.readings, r.numbers, r.min, r.max, r.sum IS NULL)
        OR abs(e.sum - r.sum) > 1e-9 * (1 + abs(e.sum))`;
}

export async function assertRollupsAgree(database: Pool | ClientBase): Promise<void> {
  const { rows } = await database.query(
    `${differencesOf('readings_minute', '1 minute')} UNION ALL ${differencesOf('readings_hour', '1 hour')} LIMIT 10`,
  );
  assert.deepEqual(rows, []);
}
