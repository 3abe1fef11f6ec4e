import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CommandFailure } from '../process/failure.ts';

const PROGRAMS = '/usr/lib/postgresql';
const SHARED = '/usr/share/postgresql';
const OLDEST_MAJOR = 15;

export interface PostgresInstallation {
  readonly major: number;
  readonly bin: string;
}

/** Every PostgreSQL on this machine that is new enough and has PostGIS, oldest first. */
export function findPostgresInstallations(): readonly PostgresInstallation[] {
  if (!existsSync(PROGRAMS)) return [];
  return readdirSync(PROGRAMS)
    .map((version) => ({ major: Number.parseInt(version, 10), bin: join(PROGRAMS, version, 'bin'), version }))
    .filter(({ major }) => major >= OLDEST_MAJOR)
    .filter(({ bin }) => existsSync(join(bin, 'initdb')))
    .filter(({ version }) => existsSync(join(SHARED, version, 'extension', 'postgis.control')))
    .sort((a, b) => a.major - b.major);
}

/** Prefers PostgreSQL 15, which the schema dump is made with. */
export function choosePostgres(): PostgresInstallation {
  const installations = findPostgresInstallations();
  const chosen = installations.find(({ major }) => major === OLDEST_MAJOR) ?? installations.at(-1);
  if (chosen === undefined) {
    throw new CommandFailure(
      'PostgreSQL 15+ with PostGIS 3 is missing. Install it: sudo apt-get install postgresql-postgis',
    );
  }
  return chosen;
}
