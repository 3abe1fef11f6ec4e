import { postgis } from '@electric-sql/pglite-postgis';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { createLogger } from '../../platform/log/logger.ts';
import { migrate } from '../../platform/postgres/migrate.ts';
import { openPostgres } from '../../platform/postgres/open-postgres.ts';
import { EmbeddedDatabase } from '../../scripts/dev-stack/embedded-database.ts';
import { findFreePort } from '../../scripts/process/free-port.ts';
import { eventually } from './eventually.ts';
import { requireVariable } from './require-variable.ts';

const MAX_CONNECTIONS = 8;
/** An empty one is compiled and migrated for twenty seconds of a core. */
const MADE_WITHIN_MS = 180_000;

export interface TestEmbeddedDatabase extends AsyncDisposable {
  readonly database: Pool;
}

async function serve<T>(dataDir: string, use: (url: string) => Promise<T>): Promise<[T, () => Promise<void>]> {
  const db = new EmbeddedDatabase({ dataDir, extensions: { postgis } });
  await db.waitReady;
  const port = await findFreePort();
  const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port, maxConnections: MAX_CONNECTIONS });
  await server.start();
  const close = async (): Promise<void> => {
    await server.stop();
    await db.close();
  };
  try {
    return [await use(`postgres://postgres@127.0.0.1:${port}/postgres`), close];
  } catch (error) {
    await close();
    throw error;
  }
}

/** Puts a migrated database into the folder, as `npm start` leaves it. It is made once for all tests of a run. */
export async function copyEmbeddedDatabase(folder: string): Promise<void> {
  const shared = requireVariable('TELLTALE_TEST_FOLDER');
  const [making, made] = [join(shared, 'embedded-making'), join(shared, 'embedded')];
  const isFirst = await mkdir(making).then(
    () => true,
    () => false,
  );
  if (isFirst) {
    const [, close] = await serve(join(making, 'pglite'), (url) => migrate(url, () => undefined));
    await close();
    await rename(join(making, 'pglite'), made);
  }
  await eventually(() => assert.ok(existsSync(made), 'the embedded database is not made'), MADE_WITHIN_MS);
  await cp(made, folder, { recursive: true });
}

/** The database that `npm start` has, migrated. */
export async function openEmbeddedDatabase(): Promise<TestEmbeddedDatabase> {
  const parent = await mkdtemp(join(tmpdir(), 'telltale-embedded-'));
  const folder = join(parent, 'pglite');
  await copyEmbeddedDatabase(folder);
  const open = (url: string): Promise<Pool> =>
    Promise.resolve(openPostgres({ url, name: 'test', maxConnections: 2 }, createLogger('test', 'silent')));
  const [database, close] = await serve(folder, open);
  return {
    database,
    [Symbol.asyncDispose]: async () => {
      await database.end();
      await close();
      await rm(parent, { recursive: true });
    },
  };
}
