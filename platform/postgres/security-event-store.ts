import type { Pool, PoolClient } from 'pg';
import type { SecurityEvent } from '../../contracts/security-event.ts';

/** Keeps security events in the database. Storing one again changes nothing. */
export class SecurityEventStore {
  readonly #database: Pool;

  constructor(database: Pool) {
    this.#database = database;
  }

  async store(events: readonly SecurityEvent[]): Promise<void> {
    await insertSecurityEvents(this.#database, events);
  }
}

/** Also as a part of a transaction that does what the events tell of. */
export async function insertSecurityEvents(
  database: Pick<PoolClient, 'query'>,
  events: readonly SecurityEvent[],
): Promise<void> {
  if (events.length === 0) return;
  await database.query(
    `INSERT INTO security_events (id, kind, at, device_id, address, code, actor, detail)
     SELECT id, kind, timestamptz 'epoch' + at_ms * interval '1 millisecond', device_id, address, code, actor, detail
     FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::inet[], $6::text[], $7::text[], $8::jsonb[])
       AS event (id, kind, at_ms, device_id, address, code, actor, detail)
     ON CONFLICT (id) DO NOTHING`,
    [
      events.map(({ id }) => id),
      events.map(({ kind }) => kind),
      events.map(({ at_ms: atMs }) => atMs),
      events.map(({ device }) => device),
      events.map(({ address }) => address),
      events.map(({ code }) => code),
      events.map(({ actor }) => actor),
      events.map(({ detail }) => JSON.stringify(detail)),
    ],
  );
}
