import { postgis } from '@electric-sql/pglite-postgis';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import type { Pool } from 'pg';
import { createLogger } from '../../platform/log/logger.ts';
import { migrate } from '../../platform/postgres/migrate.ts';
import { openPostgres } from '../../platform/postgres/open-postgres.ts';
import { EmbeddedDatabase } from '../../scripts/dev-stack/embedded-database.ts';
import { findFreePort } from '../../scripts/process/free-port.ts';

export interface TestEmbeddedDatabase extends AsyncDisposable {
  readonly database: Pool;
}

/** The database that `npm start` has, in memory and migrated. */
export async function openEmbeddedDatabase(): Promise<TestEmbeddedDatabase> {
  const db = new EmbeddedDatabase({ extensions: { postgis } });
  await db.waitReady;
  const port = await findFreePort();
  const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port, maxConnections: 8 });
  await server.start();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const database = openPostgres({ url, name: 'test', maxConnections: 2 }, createLogger('test', 'silent'));
  const close = async (): Promise<void> => {
    await database.end();
    await server.stop();
    await db.close();
  };
  try {
    await migrate(url, () => undefined);
  } catch (error) {
    await close();
    throw error;
  }
  return { database, [Symbol.asyncDispose]: close };
}
