import type { Pool } from 'pg';
import type { Transition } from '../../../contracts/alert-transition.ts';
import { inTransaction } from '../../../platform/postgres/transaction.ts';

export interface StoredTransition {
  readonly cursor: string;
  readonly transition: Transition;
}

const STATE_OF_KIND = { raised: 'active', updated: 'active', cleared: 'cleared', cancelled: 'cancelled' } as const;

/** Keeps alerts and their transitions in the database. Storing one again changes nothing. */
export class AlertStore {
  readonly #database: Pool;

  constructor(database: Pool) {
    this.#database = database;
  }

  async store(transitions: readonly StoredTransition[]): Promise<void> {
    await inTransaction(this.#database, async (client) => {
      for (const { cursor, transition } of transitions) {
        const { position } = transition;
        const state = STATE_OF_KIND[transition.kind];
        await client.query(
          `INSERT INTO alerts (id, rule_id, subject, version, state, severity, status, headline, position, raised_at,
                               ended_at, updated_at, acknowledged_by, acknowledged_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, ST_SetSRID(ST_MakePoint($9, $10), 4326)::geography,
                   timestamptz 'epoch' + $11::bigint * interval '1 microsecond',
                   CASE WHEN $5 <> 'active' THEN timestamptz 'epoch' + $11::bigint * interval '1 microsecond' END,
                   timestamptz 'epoch' + $12::bigint * interval '1 microsecond', $13,
                   CASE WHEN $13::text IS NOT NULL THEN timestamptz 'epoch' + $12::bigint * interval '1 microsecond' END)
           ON CONFLICT (id) DO UPDATE SET version = excluded.version, state = excluded.state,
             severity = excluded.severity, ended_at = excluded.ended_at, updated_at = excluded.updated_at,
             acknowledged_by = excluded.acknowledged_by,
             acknowledged_at = CASE WHEN alerts.acknowledged_by = excluded.acknowledged_by THEN alerts.acknowledged_at
                                    ELSE excluded.acknowledged_at END
           WHERE alerts.version < excluded.version`,
          [
            transition.alert_id,
            transition.rule,
            transition.subject,
            transition.version,
            state,
            transition.severity,
            transition.status,
            transition.headline,
            position?.lon ?? null,
            position?.lat ?? null,
            transition.at_us,
            transition.decided_us,
            transition.acknowledged_by ?? null,
          ],
        );
        if (transition.kind === 'raised') {
          // While two workers store, a later transition of the alert can be there first.
          await client.query(
            `UPDATE alerts SET raised_at = timestamptz 'epoch' + $2::bigint * interval '1 microsecond'
             WHERE id = $1 AND version > 1`,
            [transition.alert_id, transition.at_us],
          );
        }
        await client.query(
          `INSERT INTO alert_transitions (alert_id, version, cursor, kind, actor, at, decided_at, evidence, note)
           VALUES ($1, $2, $3, $4, $5, timestamptz 'epoch' + $6::bigint * interval '1 microsecond',
                   timestamptz 'epoch' + $7::bigint * interval '1 microsecond', $8, $9)
           ON CONFLICT DO NOTHING`,
          [
            transition.alert_id,
            transition.version,
            cursor,
            transition.kind,
            transition.actor,
            transition.at_us,
            transition.decided_us,
            JSON.stringify(transition.evidence),
            transition.note ?? null,
          ],
        );
      }
    });
  }
}
