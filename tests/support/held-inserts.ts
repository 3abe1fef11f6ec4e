import assert from 'node:assert/strict';
import pg from 'pg';
import { eventually } from './eventually.ts';

const WAITING = `
  SELECT pid FROM pg_locks
   WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND relation = 'readings'::regclass AND NOT granted`;

/** Keeps every insert into the readings waiting: a moment to kill at, where chance would have to find it. */
export class HeldInserts {
  readonly #client: pg.Client;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  /** Resolves when an insert is in the database and waits. */
  async oneWaits(): Promise<void> {
    await eventually(async () => assert.ok(((await this.#client.query(WAITING)).rowCount ?? 0) > 0, 'no insert waits'));
  }

  /** The inserts that wait never happen, as in a crash of the database's side of them. */
  async discard(): Promise<void> {
    await this.#client.query(`SELECT pg_terminate_backend(pid, 5000) FROM (${WAITING}) AS waiting`);
    await this.release();
  }

  /** The inserts that wait go on and are committed, whether or not their client still lives. */
  async release(): Promise<void> {
    await this.#client.query('COMMIT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end();
  }
}

export async function holdInserts(databaseUrl: string): Promise<HeldInserts> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('BEGIN');
  await client.query('LOCK TABLE readings IN SHARE MODE');
  return new HeldInserts(client);
}
