import { migrateDatabase } from '../cli/migrations/migrate-database.ts';
import { readDatabaseUrl } from '../cli/stores/find-stores.ts';
import { runMain } from './process/failure.ts';

/** `npm run migrate`: the same as `telltale migrate`. */
await runMain(async () => {
  await migrateDatabase(readDatabaseUrl(), {});
  return 0;
});
