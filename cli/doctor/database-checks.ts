import { readdirSync } from 'node:fs';
import type { Pool } from 'pg';
import { createLogger } from '../../platform/log/logger.ts';
import { migrationsDirectory } from '../../platform/postgres/migrate.ts';
import { endPostgres, openPostgres } from '../../platform/postgres/open-postgres.ts';
import { explainFailure, reasonOf } from '../explain-failure.ts';
import { judgeClock } from './clock-check.ts';
import { ok, problem, warning, type Finding } from './finding.ts';

const OLDEST_POSTGRES = 15;
const MIGRATE = 'run "telltale migrate" with this DATABASE_URL';

export interface DatabaseLook {
  readonly findings: readonly Finding[];
  /** Reads the version of the registry; undefined when the tables are not there. */
  readonly readVersion: (() => Promise<string | undefined>) | undefined;
  readonly close: () => Promise<void>;
}

export async function checkDatabase(url: string | undefined): Promise<DatabaseLook> {
  if (url === undefined) {
    const found = 'it is not known where the database is: no platform runs here, and DATABASE_URL is not set';
    return unreachable(problem('database', found, 'start one with "npm start", or set DATABASE_URL'));
  }
  const database = openPostgres({ url, name: 'telltale-doctor', maxConnections: 1 }, createLogger('doctor', 'silent'));
  const close = (): Promise<void> => endPostgres(database);
  try {
    const { rows } = await database.query<{ number: number; version: string }>(
      `SELECT current_setting('server_version_num')::int / 10000 AS number, current_setting('server_version') AS version`,
    );
    const { number = 0, version = '' } = rows[0] ?? {};
    const answers =
      number >= OLDEST_POSTGRES
        ? ok('database', `PostgreSQL answers: ${version}`)
        : problem('database', `PostgreSQL ${version} is too old`, `upgrade to PostgreSQL ${OLDEST_POSTGRES} or newer`);
    const postgis = await checkPostgis(database, number);
    const { findings, isMigrated } = await checkMigrations(database);
    return {
      findings: [answers, await checkClock(database), postgis, ...findings],
      readVersion: isMigrated ? () => readVersion(database) : undefined,
      close,
    };
  } catch (error) {
    await close();
    return unreachable(explainSilence(url, error));
  }
}

function unreachable(finding: Finding): DatabaseLook {
  return { findings: [finding], readVersion: undefined, close: () => Promise.resolve() };
}

function explainSilence(url: string, error: unknown): Finding {
  const { host, pathname } = new URL(url);
  const where = `${host}${pathname}`;
  if (error instanceof Error && 'severity' in error) {
    return problem(
      'database',
      `PostgreSQL at ${where} refuses: ${explainFailure(error)}`,
      'correct DATABASE_URL, or what the message names',
    );
  }
  const why = error instanceof Error ? reasonOf(error) : String(error);
  return problem(
    'database',
    `PostgreSQL at ${where} does not answer: ${why}`,
    'start it, or correct DATABASE_URL; meanwhile the log keeps what comes',
  );
}

async function checkClock(database: Pool): Promise<Finding> {
  const askedMs = Date.now();
  const { rows } = await database.query<{ ms: number }>(
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms',
  );
  return judgeClock('database-clock', 'the database', { serverMs: rows[0]?.ms ?? 0, askedMs, answeredMs: Date.now() });
}

async function checkPostgis(database: Pool, number: number): Promise<Finding> {
  const { rows } = await database.query<{ available: string | null; installed: string | null }>(
    `SELECT (SELECT default_version FROM pg_available_extensions WHERE name = 'postgis') AS available,
            (SELECT extversion FROM pg_extension WHERE extname = 'postgis') AS installed`,
  );
  const { available = null, installed = null } = rows[0] ?? {};
  if (installed !== null) return ok('postgis', `PostGIS ${installed}`);
  if (available !== null) {
    return problem(
      'postgis',
      'PostGIS is not in this database',
      'run "CREATE EXTENSION postgis" in it as a superuser, then "telltale migrate"',
    );
  }
  return problem(
    'postgis',
    'PostGIS is not installed on the server of the database',
    `install it there, such as with "apt-get install postgresql-${number}-postgis-3"`,
  );
}

async function checkMigrations(
  database: Pool,
): Promise<{ readonly findings: readonly Finding[]; readonly isMigrated: boolean }> {
  const ours = readdirSync(migrationsDirectory())
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -'.sql'.length))
    .sort();
  const { rows } = await database.query<{ there: boolean }>(
    `SELECT to_regclass('schema_migrations') IS NOT NULL AS there`,
  );
  if (rows[0]?.there !== true) {
    return { findings: [problem('migrations', 'the database has no tables of Telltale', MIGRATE)], isMigrated: false };
  }
  const applied = await database.query<{ name: string }>('SELECT name FROM schema_migrations');
  const names = new Set(applied.rows.map(({ name }) => name));
  const missing = ours.filter((name) => !names.has(name));
  const foreign = [...names].filter((name) => !ours.includes(name));
  const findings = [
    ...(missing.length === 0 ? [] : [problem('migrations', `migrations are missing: ${missing.join(', ')}`, MIGRATE)]),
    ...(foreign.length === 0
      ? []
      : [
          warning(
            'migrations',
            `the database is from a newer version: ${foreign.join(', ')}`,
            'run the newest version that has run on it',
          ),
        ]),
  ];
  return {
    findings: findings.length > 0 ? findings : [ok('migrations', `all ${ours.length} migrations are applied`)],
    isMigrated: true,
  };
}

async function readVersion(database: Pool): Promise<string | undefined> {
  const { rows } = await database.query<{ version: string }>('SELECT version::text FROM registry_state');
  return rows[0]?.version;
}
