import { readValues } from '../platform/config/load-config.ts';
import { migrate } from '../platform/postgres/migrate.ts';
import { CommandFailure, runMain } from './process/failure.ts';

await runMain(async () => {
  const { values, problems } = readValues(['DATABASE_URL'], process.env);
  if (problems.length > 0) throw new CommandFailure(problems.join('\n'));
  const { DATABASE_URL: databaseUrl } = values;
  if (databaseUrl === undefined) throw new CommandFailure('DATABASE_URL is not set: it names the database to migrate.');
  await migrate(databaseUrl, (line) => console.log(line));
  return 0;
});
