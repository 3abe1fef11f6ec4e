import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { createLogger } from '../../../platform/log/logger.ts';
import { endPostgres, openPostgres } from '../../../platform/postgres/open-postgres.ts';
import { inTransaction } from '../../../platform/postgres/transaction.ts';

function message(type: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + body.length);
  return Buffer.concat([Buffer.from(type), length, body]);
}

/** What a server sends that lets a client in and is shut down in the same moment: authenticated, ready, FATAL. */
const WELCOME_AND_GOODBYE = Buffer.concat([
  message('R', Buffer.alloc(4)),
  message('Z', Buffer.from('I')),
  message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0')),
]);

test('a connection that is ended in the moment in which it is made fails its statement, and not the process', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(WELCOME_AND_GOODBYE));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const url = `postgres://postgres@127.0.0.1:${address.port}/any`;
  const pool = openPostgres({ url, name: 'test', maxConnections: 1 }, createLogger('test', 'silent'));
  try {
    await assert.rejects(inTransaction(pool, () => Promise.resolve()));
    await assert.rejects(pool.query('SELECT 1'));
  } finally {
    await endPostgres(pool);
    server.close();
  }
});
