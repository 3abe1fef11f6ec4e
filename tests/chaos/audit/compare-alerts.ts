import pg from 'pg';
import { parseTransition, TRANSITION_FIELD } from '../../../contracts/alert-transition.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import type { LedgerReading } from '../load/phase-ledger.ts';
import { PROBE_LIMIT, PROBE_METRIC, PROBE_RULE } from '../load/probe-rule.ts';

export interface AlertsVerdict {
  /** Acknowledged readings of probes: each has to have changed an alert. */
  readonly expected: number;
  /** Without a transition, in the database or on the stream. */
  readonly missed: number;
  /** The longest time from a reading to the decision about its alert; it includes what the device waited. */
  readonly slowestS: number;
}

const COMPARE = `
  SELECT count(*)::int AS expected, count(*) FILTER (WHERE found.transitions = 0)::int AS missed,
         coalesce(extract(epoch FROM max(found.delay)), 0)::float8 AS "slowestS"
    FROM unnest($1::text[], $2::text[], $3::bigint[]) AS e (device, kind, time_us)
    CROSS JOIN LATERAL (
      SELECT count(*) AS transitions, max(t.decided_at - t.at) AS delay
        FROM alerts JOIN alert_transitions AS t ON t.alert_id = alerts.id
       WHERE alerts.rule_id = $4 AND alerts.subject = e.device AND t.kind = e.kind
         AND t.at = timestamptz 'epoch' + e.time_us * interval '1 microsecond') AS found`;

/** Asks the database whether each acknowledged reading of a probe has raised or cleared its alert. */
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

export interface StreamVerdict {
  /** Transitions for one reading beyond the first: subscribers got each of them. */
  readonly doubled: number;
  /** Transitions for readings that nobody was acknowledged. */
  readonly unexplained: number;
}

/**
 * Compares the stream of transitions, which the database cannot stand for: what goes out twice has one identity, and is stored
 * once.
 *
 * @param after cursor of the last transition before these readings
 */
export async function compareStream(
  redis: Redis,
  after: string,
  readings: readonly LedgerReading[],
): Promise<StreamVerdict> {
  const expected = new Set(
    readings
      .filter(({ metric }) => metric === PROBE_METRIC)
      .map(({ device, timeUs, value }) => `${value > PROBE_LIMIT ? 'raised' : 'cleared'} ${device} ${timeUs}`),
  );
  const found = new Map<string, number>();
  for (const [, fields] of await redis.xrange(redisKeys.alerts, `(${after}`, '+')) {
    const transition = parseTransition(fields[fields.indexOf(TRANSITION_FIELD) + 1] ?? '');
    if (transition?.rule !== PROBE_RULE.id) continue;
    const key = `${transition.kind} ${transition.subject} ${transition.at_us}`;
    found.set(key, (found.get(key) ?? 0) + 1);
  }
  return {
    doubled: [...found.values()].reduce((sum, count) => sum + count - 1, 0),
    unexplained: [...found.keys()].filter((key) => !expected.has(key)).length,
  };
}

/** Of the newest transition. */
export async function readCursor(redis: Redis): Promise<string> {
  const [newest] = await redis.xrevrange(redisKeys.alerts, '+', '-', 'COUNT', 1);
  return newest?.[0] ?? '0-0';
}
