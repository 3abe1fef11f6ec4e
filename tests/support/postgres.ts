import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { requireVariable } from './require-variable.ts';

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  /** Loses everything: the same database, empty. */
  wipe(): Promise<void>;
}

async function administer(adminUrl: string, sql: string): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    await admin.query(sql);
  } finally {
    await admin.end();
  }
}

/** A database of its own with all migrations applied, dropped when disposed of. */
export function createTestDatabase(): Promise<TestDatabase> {
  return createDatabase(requireVariable('TELLTALE_TEST_TEMPLATE'));
}

export function createEmptyDatabase(): Promise<TestDatabase> {
  return createDatabase('template0');
}

async function createDatabase(template: string): Promise<TestDatabase> {
  const adminUrl = requireVariable('TELLTALE_TEST_POSTGRES');
  const name = `test_${randomBytes(8).toString('hex')}`;
  await administer(adminUrl, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    wipe: async () => {
      await administer(adminUrl, `DROP DATABASE ${name} WITH (FORCE)`);
      await administer(adminUrl, `CREATE DATABASE ${name} TEMPLATE template0`);
    },
    [Symbol.asyncDispose]: () => administer(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}
