import { CommandFailure } from '../../platform/lifecycle/command-failure.ts';
import { migrate } from '../../platform/postgres/migrate.ts';
import { tellLines, tellResult, type OutputOptions } from '../output/tell.ts';

/** Of the database that is named: never of one that happens to run here. */
export async function migrateDatabase(databaseUrl: string | undefined, options: OutputOptions): Promise<void> {
  if (databaseUrl === undefined) {
    throw new CommandFailure('DATABASE_URL is not set: it names the database to migrate.');
  }
  const lines: string[] = [];
  await migrate(databaseUrl, (line) => {
    lines.push(line);
    if (options.json !== true) tellLines(line.split('\n'));
  });
  tellResult(options, { log: lines }, []);
}
