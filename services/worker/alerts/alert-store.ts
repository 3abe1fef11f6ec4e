import type { Pool } from 'pg';
import type { Transition } from '../../../contracts/alert-transition.ts';
import { inTransaction } from '../../../platform/postgres/transaction.ts';

export interface StoredTransition {
  readonly cursor: string;
  readonly transition: Transition;
}

const STATE_OF_KIND = { raised: 'active', updated: 'active', cleared: 'cleared', cancelled: 'cancelled' } as const;

/**
 * Keeps alerts and their transitions in the database, a batch in three statements. Storing one again changes nothing. Rows are
 * in the order of the alerts' ids: two that store beside each other wait for each other and do not deadlock.
 */
export class AlertStore {
  readonly #database: Pool;

  constructor(database: Pool) {
    this.#database = database;
  }

  async store(transitions: readonly StoredTransition[]): Promise<void> {
    if (transitions.length === 0) return;
    const lives = livesOf(transitions);
    const alerts = JSON.stringify(lives.map(alertRow));
    const rows = JSON.stringify(lives.flat().map(transitionRow));
    await inTransaction(this.#database, async (client) => {
      await client.query(
        `INSERT INTO alerts (id, rule_id, subject, version, state, severity, status, headline, position, raised_at,
                             ended_at, updated_at, acknowledged_by, acknowledged_at)
         SELECT id, rule_id, subject, version, state, severity, status, headline,
                ST_SetSRID(ST_MakePoint(lon, lat), 4326)::geography,
                timestamptz 'epoch' + raised_us * interval '1 microsecond',
                timestamptz 'epoch' + ended_us * interval '1 microsecond',
                timestamptz 'epoch' + updated_us * interval '1 microsecond', acknowledged_by,
                timestamptz 'epoch' + acknowledged_us * interval '1 microsecond'
         FROM json_to_recordset($1) AS a (id uuid, rule_id text, subject text, version integer, state text, severity text,
                status text, headline text, lon float8, lat float8, raised_us bigint, ended_us bigint, updated_us bigint,
                acknowledged_by text, acknowledged_us bigint)
         ORDER BY id
         ON CONFLICT (id) DO UPDATE SET version = excluded.version, state = excluded.state,
           severity = excluded.severity, ended_at = excluded.ended_at, updated_at = excluded.updated_at,
           acknowledged_by = excluded.acknowledged_by,
           acknowledged_at = CASE WHEN alerts.acknowledged_by = excluded.acknowledged_by THEN alerts.acknowledged_at
                                  ELSE excluded.acknowledged_at END
         WHERE alerts.version < excluded.version`,
        [alerts],
      );
      // While two workers store, a later transition of the alert can be there first.
      await client.query(
        `UPDATE alerts SET raised_at = timestamptz 'epoch' + r.at_us * interval '1 microsecond'
         FROM json_to_recordset($1) AS r (alert_id uuid, kind text, at_us bigint)
         WHERE alerts.id = r.alert_id AND r.kind = 'raised'
           AND alerts.raised_at <> timestamptz 'epoch' + r.at_us * interval '1 microsecond'`,
        [rows],
      );
      await client.query(
        `INSERT INTO alert_transitions (alert_id, version, cursor, kind, actor, at, decided_at, evidence, note)
         SELECT alert_id, version, cursor, kind, actor, timestamptz 'epoch' + at_us * interval '1 microsecond',
                timestamptz 'epoch' + decided_us * interval '1 microsecond', evidence, note
         FROM json_to_recordset($1) AS t (alert_id uuid, version integer, cursor text, kind text, actor text, at_us bigint,
                decided_us bigint, evidence jsonb, note text)
         ORDER BY alert_id, version
         ON CONFLICT DO NOTHING`,
        [rows],
      );
    });
  }
}

/** The transitions of one alert, in their order; never empty. */
type Life = readonly [StoredTransition, ...StoredTransition[]];

function livesOf(transitions: readonly StoredTransition[]): readonly Life[] {
  const lives = new Map<string, [StoredTransition, ...StoredTransition[]]>();
  for (const stored of transitions) {
    const life = lives.get(stored.transition.alert_id);
    if (life === undefined) lives.set(stored.transition.alert_id, [stored]);
    else life.push(stored);
  }
  for (const life of lives.values()) life.sort((one, other) => one.transition.version - other.transition.version);
  return [...lives.values()];
}

/** As the last one of them left it. */
function alertRow(life: Life): Record<string, unknown> {
  const [{ transition: first }] = life;
  const last = life.at(-1)?.transition ?? first;
  const state = STATE_OF_KIND[last.kind];
  return {
    ...{ id: last.alert_id, rule_id: last.rule, subject: last.subject, version: last.version, state },
    ...{ severity: last.severity, status: last.status, headline: first.headline },
    ...{ lon: first.position?.lon, lat: first.position?.lat },
    ...{ raised_us: first.at_us, ended_us: state === 'active' ? null : last.at_us, updated_us: last.decided_us },
    ...{ acknowledged_by: last.acknowledged_by, acknowledged_us: acknowledgedUs(life, last.acknowledged_by) },
  };
}

/** Since when it is acknowledged by whom it is now. */
function acknowledgedUs(life: Life, by: string | undefined): number | undefined {
  if (by === undefined) return undefined;
  const other = life.findLastIndex(({ transition }) => transition.acknowledged_by !== by);
  return life[other + 1]?.transition.decided_us;
}

function transitionRow({ cursor, transition }: StoredTransition): Record<string, unknown> {
  const { alert_id, version, kind, actor, at_us, decided_us, evidence, note } = transition;
  return { alert_id, version, cursor, kind, actor, at_us, decided_us, evidence, note };
}
