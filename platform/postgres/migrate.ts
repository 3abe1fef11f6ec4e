import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { grantReader } from './grant-reader.ts';

/** Applies the migrations in sql/migrations that the database does not have yet. Safe to run at every start. */
export async function migrate(databaseUrl: string, log: (line: string) => void): Promise<void> {
  await runner({
    databaseUrl,
    dir: migrationsDirectory(),
    direction: 'up',
    migrationsTable: 'schema_migrations',
    checkOrder: true,
    verbose: false,
    logger: { debug: () => undefined, info: log, warn: log, error: log },
  });
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await grantReader(client);
  } finally {
    await client.end();
  }
}

/** sql/ stands at the top of the project, which is one folder further up from the compiled code. */
export function migrationsDirectory(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const candidates = [join(here, '../../sql/migrations'), join(here, '../../../sql/migrations')];
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined)
    throw new Error(`the folder sql/migrations is missing; looked at ${candidates.join(' and ')}`);
  return found;
}
