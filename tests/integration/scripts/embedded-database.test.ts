import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import pg from 'pg';
import { EmbeddedDatabase } from '../../../scripts/dev-stack/embedded-database.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';

/** Its Bind arrives in many chunks, between which the other connections have their turn. */
const LARGE = 600_000;
const ROUNDS = 2;

const db = new EmbeddedDatabase();
let server: PGLiteSocketServer;
let url: string;

before(async () => {
  await db.waitReady;
  const port = await findFreePort();
  server = new PGLiteSocketServer({ db, host: '127.0.0.1', port, maxConnections: 20 });
  await server.start();
  url = `postgres://postgres@127.0.0.1:${port}/postgres`;
});

after(async () => {
  await server.stop();
  await db.close();
});

async function withClient<T>(use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

async function sumLarge(client: pg.Client, factor: number): Promise<void> {
  const values = Array.from({ length: LARGE }, (_, index) => 1_000_000 + index);
  const expected = values.reduce((sum, value) => sum + value, 0) * factor;
  for (let round = 0; round < ROUNDS; round += 1) {
    const sql = `SELECT sum(value * ${factor})::text AS answer FROM unnest($1::bigint[]) AS value`;
    const { rows } = await client.query<{ answer: string }>(sql, [values]);
    assert.equal(rows[0]?.answer, String(expected));
  }
}

async function askSmall(client: pg.Client): Promise<void> {
  for (let round = 0; round < ROUNDS * 40; round += 1) {
    const { rows } = await client.query<{ answer: number }>('SELECT cardinality($1::bigint[]) AS answer', [[round]]);
    assert.equal(rows[0]?.answer, 1);
    await client.query('SELECT 1');
  }
}

test('each connection gets the answer to its own query, however its messages are cut up', async () => {
  await Promise.all([
    withClient((client) => sumLarge(client, 1)),
    withClient((client) => sumLarge(client, 3)),
    withClient(askSmall),
    withClient(askSmall),
  ]);
});

test('a connection that dies in a transaction leaves the others unharmed', async () => {
  await withClient((client) => client.query('CREATE TABLE kept (value int)'));
  await withClient(async (client) => {
    client.on('error', () => undefined);
    await client.query('BEGIN');
    await client.query('INSERT INTO kept VALUES ($1)', [1]);
    client.connection.stream.destroy();
  }).catch(() => undefined);
  const { rows } = await withClient((client) => client.query<{ count: string }>('SELECT count(*) FROM kept'));
  assert.equal(rows[0]?.count, '0');
});
