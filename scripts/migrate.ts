import { migrate } from '../platform/postgres/migrate.ts';
import { CommandFailure, runMain } from './process/failure.ts';

await runMain(async () => {
  const databaseUrl = process.env.DATABASE_URL;
  if (databaseUrl === undefined) throw new CommandFailure('DATABASE_URL is not set: it names the database to migrate.');
  await migrate(databaseUrl, (line) => console.log(line));
  return 0;
});
