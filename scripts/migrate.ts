import { migrateDatabase } from '../cli/migrations/migrate-database.ts';
import { runMain } from './process/failure.ts';

/** `npm run migrate`: the same as `telltale migrate`. */
await runMain(async () => {
  await migrateDatabase(process.env.DATABASE_URL, {});
  return 0;
});
