import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { createLogger } from '../../../platform/log/logger.ts';
import { openPostgres } from '../../../platform/postgres/open-postgres.ts';
import { standBefore } from '../../support/cut-off-server.ts';
import { createTestDatabase } from '../../support/postgres.ts';

const log = createLogger('test', 'silent');

async function administer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql);
  await client.end();
}

test('sessions are in UTC whatever time zone the database has and whatever options the URL carries', async () => {
  await using database = await createTestDatabase();
  const name = new URL(database.url).pathname.slice(1);
  await administer(database.url, `ALTER DATABASE ${name} SET timezone = 'Asia/Kolkata'`);
  const withOptions = new URL(database.url);
  withOptions.searchParams.set('options', '-c TimeZone=America/New_York -c lock_timeout=1234');
  for (const url of [database.url, withOptions.href]) {
    const pool = openPostgres({ url, name: 'test', maxConnections: 2 }, log);
    const { rows } = await pool.query(
      `SELECT current_setting('TimeZone') AS zone, timestamptz '2026-03-01 12:00' = '2026-03-01T12:00Z' AS utc`,
    );
    assert.deepEqual(rows, [{ zone: 'UTC', utc: true }]);
    await pool.end();
  }
  const pool = openPostgres({ url: withOptions.href, name: 'test', maxConnections: 2 }, log);
  assert.deepEqual((await pool.query('SHOW lock_timeout')).rows, [{ lock_timeout: '1234ms' }]);
  await pool.end();
});

test('a statement is given up after its time, and the pool goes on', async () => {
  await using database = await createTestDatabase();
  const pool = openPostgres({ url: database.url, name: 'test', maxConnections: 1, statementTimeoutMs: 100 }, log);
  await assert.rejects(pool.query('SELECT pg_sleep(60)'), /statement timeout/);
  assert.deepEqual((await pool.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
  await pool.end();
});

test('a database that accepts connections and never answers fails an attempt to connect in bounded time', async () => {
  await using database = await createTestDatabase();
  const { server, url } = await standBefore(database.url);
  await using _server = server;
  server.cutOff = true;
  const pool = openPostgres({ url, name: 'test', maxConnections: 1 }, log);
  const startedAt = performance.now();
  await assert.rejects(pool.query('SELECT 1'), /timeout/);
  assert.ok(performance.now() - startedAt < 10_000);
  await pool.end();
});
