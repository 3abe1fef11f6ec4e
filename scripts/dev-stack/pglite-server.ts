import { postgis } from '@electric-sql/pglite-postgis';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { once } from 'node:events';
import { CommandFailure, runMain } from '../process/failure.ts';
import { EmbeddedDatabase } from './embedded-database.ts';

/** Several pools of several processes; each connection is cheap, the database behind them does one thing at a time. */
const MAX_CONNECTIONS = 100;

/** Serves the embedded database on a port: `node pglite-server.js <folder> <port>`, until SIGTERM. */
await runMain(async () => {
  const [folder, port] = process.argv.slice(2);
  if (folder === undefined || port === undefined) throw new CommandFailure('usage: pglite-server <folder> <port>');
  const stop = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  const db = new EmbeddedDatabase({ dataDir: folder, extensions: { postgis } });
  await db.waitReady;
  const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port: Number(port), maxConnections: MAX_CONNECTIONS });
  await server.start();
  await stop;
  await server.stop();
  await db.close();
  return 0;
});
