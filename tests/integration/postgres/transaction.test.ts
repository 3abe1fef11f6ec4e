import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg, { type PoolClient } from 'pg';
import { createLogger } from '../../../platform/log/logger.ts';
import { openPostgres } from '../../../platform/postgres/open-postgres.ts';
import { inTransaction } from '../../../platform/postgres/transaction.ts';
import { eventually } from '../../support/eventually.ts';
import { createTestDatabase } from '../../support/postgres.ts';

const log = createLogger('test', 'silent');

async function backendOf(client: PoolClient): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid ?? 0;
}

test('a transaction that fails leaves nothing, and its connection is used again', async () => {
  await using database = await createTestDatabase();
  const pool = openPostgres({ url: database.url, name: 'test', maxConnections: 1 }, log);
  await pool.query('CREATE TABLE numbers (n integer)');
  const pids: number[] = [];
  for (const wanted of ['unwanted', undefined]) {
    const attempt = inTransaction(pool, async (client) => {
      pids.push(await backendOf(client));
      await client.query('INSERT INTO numbers VALUES (1)');
      if (wanted !== undefined) throw new Error(wanted);
    });
    if (wanted === undefined) await attempt;
    else await assert.rejects(attempt, /unwanted/);
  }
  assert.deepEqual((await pool.query('SELECT count(*)::int AS count FROM numbers')).rows, [{ count: 1 }]);
  assert.equal(pids[0], pids[1]);
  await pool.end();
});

test('a connection that breaks between two statements fails the transaction and not the process', async () => {
  await using database = await createTestDatabase();
  const pool = openPostgres({ url: database.url, name: 'test', maxConnections: 1 }, log);
  const killer = new pg.Client({ connectionString: database.url });
  await killer.connect();
  const attempt = inTransaction(pool, async (client) => {
    let ended = false;
    client.once('end', () => {
      ended = true;
    });
    await killer.query('SELECT pg_terminate_backend($1)', [await backendOf(client)]);
    await eventually(() => assert.ok(ended, 'the connection has not ended'));
    await client.query('SELECT 1');
  });
  await assert.rejects(attempt);
  assert.deepEqual((await pool.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
  await killer.end();
  await pool.end();
});
