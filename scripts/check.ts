import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dumpSchema, SCHEMA_DUMP_MAJOR } from './postgres/dump-schema.ts';
import { waitForExit } from './process/exit-status.ts';
import { runMain } from './process/failure.ts';
import { openGuard } from './process/guard.ts';

const CODE = ['core', 'contracts', 'platform', 'services', 'cli', 'firmware-sim', 'scripts', 'tests'];

interface Step {
  readonly name: string;
  readonly passes: () => Promise<boolean>;
}

function tool(name: string, program: string, ...args: string[]): Step {
  return {
    name,
    passes: async () => {
      const child = spawn(join('node_modules', '.bin', program), args, { stdio: ['ignore', 'inherit', 'inherit'] });
      return (await waitForExit(child)).code === 0;
    },
  };
}

async function schemaIsCurrent(): Promise<boolean> {
  await using guard = openGuard();
  const dumped = await dumpSchema(guard);
  if (dumped === undefined) {
    console.error(`The schema is compared with PostgreSQL ${SCHEMA_DUMP_MAJOR} and PostGIS, which is not installed.`);
    // A contributor's machine may have only a newer version; the build server may not skip anything.
    return process.env.CI === undefined;
  }
  if (dumped === (await readFile('sql/schema.sql', 'utf8'))) return true;
  console.error('sql/schema.sql differs from what the migrations make: run "npm run schema:dump" and read its diff.');
  return false;
}

const STEPS: readonly Step[] = [
  tool('format', 'prettier', '--check', '--log-level', 'warn', '.'),
  tool('types', 'tsc', '-p', '.'),
  tool('lint', 'eslint', '.'),
  tool('boundaries', 'depcruise', '--config', '.dependency-cruiser.cjs', ...CODE),
  tool('unused code', 'knip'),
  { name: 'schema', passes: schemaIsCurrent },
];

await runMain(async () => {
  const failed: string[] = [];
  for (const step of STEPS) {
    const startedAt = performance.now();
    const passed = await step.passes();
    if (!passed) failed.push(step.name);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(`${passed ? 'ok    ' : 'FAILED'} ${step.name} (${seconds} s)`);
  }
  if (failed.length > 0) console.error(`Failed: ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
});
