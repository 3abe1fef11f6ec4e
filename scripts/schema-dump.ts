import { writeFile } from 'node:fs/promises';
import { dumpSchema, SCHEMA_DUMP_MAJOR } from './postgres/dump-schema.ts';
import { CommandFailure, runMain } from './process/failure.ts';
import { openGuard } from './process/guard.ts';

await runMain(async () => {
  await using guard = openGuard();
  const schema = await dumpSchema(guard);
  if (schema === undefined) throw new CommandFailure(`PostgreSQL ${SCHEMA_DUMP_MAJOR} with PostGIS is not installed.`);
  await writeFile('sql/schema.sql', schema);
  console.log('sql/schema.sql is written.');
  return 0;
});
