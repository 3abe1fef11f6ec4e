import pg from 'pg';
import type { LedgerReading } from '../load/phase-ledger.ts';
import { PROBE_LIMIT, PROBE_METRIC, PROBE_RULE } from '../load/probe-rule.ts';

export interface AlertsVerdict {
  /** Acknowledged readings of probes: each has to have changed an alert. */
  readonly expected: number;
  readonly missed: number;
  /** Transitions for one reading beyond the first. */
  readonly doubled: number;
  /** The longest time from a reading to the decision about its alert; it includes what the device waited. */
  readonly slowestS: number;
}

const COMPARE = `
  SELECT count(*)::int AS expected, count(*) FILTER (WHERE found.transitions = 0)::int AS missed,
         coalesce(sum(greatest(found.transitions - 1, 0)), 0)::int AS doubled,
         coalesce(extract(epoch FROM max(found.delay)), 0)::float8 AS "slowestS"
    FROM unnest($1::text[], $2::text[], $3::bigint[]) AS e (device, kind, time_us)
    CROSS JOIN LATERAL (
      SELECT count(*) AS transitions, max(t.decided_at - t.at) AS delay
        FROM alerts JOIN alert_transitions AS t ON t.alert_id = alerts.id
       WHERE alerts.rule_id = $4 AND alerts.subject = e.device AND t.kind = e.kind
         AND t.at = timestamptz 'epoch' + e.time_us * interval '1 microsecond') AS found`;

/** Asks the database whether each acknowledged reading of a probe has raised or cleared its alert, once. */
export async function compareAlerts(databaseUrl: string, readings: readonly LedgerReading[]): Promise<AlertsVerdict> {
  const probes = readings.filter(({ metric }) => metric === PROBE_METRIC);
  const client = new pg.Client({ connectionString: databaseUrl, options: '-c TimeZone=UTC' });
  await client.connect();
  try {
    const { rows } = await client.query<AlertsVerdict>(COMPARE, [
      probes.map(({ device }) => device),
      probes.map(({ value }) => (value > PROBE_LIMIT ? 'raised' : 'cleared')),
      probes.map(({ timeUs }) => timeUs),
      PROBE_RULE.id,
    ]);
    if (rows[0] === undefined) throw new Error('an aggregate without a row');
    return rows[0];
  } finally {
    await client.end();
  }
}
