import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { migrate } from '../../platform/postgres/migrate.ts';
import type { Guard } from '../process/guard.ts';
import { findPostgresInstallations } from './find-postgres.ts';
import { openPrivateCluster } from './private-cluster.ts';

/** Dumps of different major versions differ. */
export const SCHEMA_DUMP_MAJOR = 15;

const DATABASE = 'schema';

/** The schema that the migrations make, as SQL; undefined when PostgreSQL 15 is not installed. */
export async function dumpSchema(guard: Guard): Promise<string | undefined> {
  const installation = findPostgresInstallations().find(({ major }) => major === SCHEMA_DUMP_MAJOR);
  if (installation === undefined) return undefined;
  await using cluster = await openPrivateCluster(installation, guard);
  const admin = new pg.Client({ connectionString: cluster.url('postgres') });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${DATABASE}`);
  await admin.end();
  await migrate(cluster.url(DATABASE), () => undefined);

  const run = promisify(execFile);
  const pgDump = join(installation.bin, 'pg_dump');
  const help = await run(pgDump, ['--help']);
  // Releases from August 2025 on write a random \restrict token unless they are given one.
  const restrict = help.stdout.includes('--restrict-key') ? ['--restrict-key=telltale'] : [];
  const { stdout } = await run(
    pgDump,
    [
      '--schema-only',
      '--no-owner',
      '--no-privileges',
      // Daily partitions depend on the day.
      '--exclude-table=readings_p*',
      '--exclude-table=readings_minute_p*',
      '--exclude-table=readings_hour_p*',
      '--exclude-table=device_positions_p*',
      ...restrict,
      cluster.url(DATABASE),
    ],
    { maxBuffer: 64 * 1024 * 1024 },
  );
  return withoutVersions(stdout);
}

/** Minor releases name themselves in a comment, and only some write a \restrict line. */
function withoutVersions(dump: string): string {
  return dump
    .split('\n')
    .filter((line) => !/^(-- Dumped (from|by) |\\(un)?restrict )/.test(line))
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim()
    .concat('\n');
}
