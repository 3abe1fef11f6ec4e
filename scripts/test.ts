import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { migrate } from '../platform/postgres/migrate.ts';
import { compiledProgram } from './dev-stack/compiled.ts';
import { choosePostgres } from './postgres/find-postgres.ts';
import { openPrivateCluster, type PrivateCluster } from './postgres/private-cluster.ts';
import { CommandFailure, runMain } from './process/failure.ts';
import { runAttached } from './process/run-attached.ts';
import { openGuard } from './process/guard.ts';
import { createStopRequest } from './process/stop-request.ts';

const TEMPLATE = 'telltale_template';
/** A file that takes longer hangs: it fails by name, and the others go on. The longest take one minute. */
const FILE_DEADLINE_MS = 240_000;
/** For a file whose event loop hangs, which does not see its deadline. */
const FILE_TIMEOUT_MS = FILE_DEADLINE_MS + 20_000;
/** Test files beside each other. Each has servers of its own: more than there are cores, and they take the time that others are given. */
const CONCURRENCY = Math.max(2, availableParallelism());
const BATCHES = 8;
/** Who asks for some files sees them by their names. */
const FEWEST_OF_BATCH = 5;
const HEAVY = /^tests\/(e2e\/|integration\/(cluster|chaos))/;
/** They measure how long a start takes: they come when hardly anything else runs any more. */
const LAST = /^tests\/integration\/image\//;
/** Part of the others behind which no heavy one begins. */
const HEAVY_WITHIN = 0.8;

/** Those that run a whole platform are spread among the others: together they starve each other. */
function spread(files: readonly string[]): readonly string[] {
  const heavy = files.filter((path) => HEAVY.test(path));
  const last = files.filter((path) => LAST.test(path));
  const light = files.filter((path) => !HEAVY.test(path) && !LAST.test(path));
  const between = Math.max(1, Math.floor((light.length * HEAVY_WITHIN) / Math.max(1, heavy.length)));
  return [
    ...heavy.flatMap((path, index) => [path, ...light.slice(index * between, (index + 1) * between)]),
    ...light.slice(heavy.length * between),
    ...last,
  ];
}

/** The compiled tests: what is tested is what runs in production, and a file starts twice as fast as from its source. */
function findTests(filters: readonly string[]): string[] {
  return readdirSync('tests', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => join('tests', path))
    .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
    .sort();
}

/**
 * Tests that need no server, many in a process: to start one takes longer than most of them. Answers the files to run in their
 * place, those of the last run gone.
 */
async function batchTogether(files: readonly string[]): Promise<readonly string[]> {
  const folder = join('tests', '.batches');
  await rm(compiledProgram(folder), { recursive: true, force: true });
  const together = files.filter((path) => path.startsWith(join('tests', 'unit')));
  if (together.length < FEWEST_OF_BATCH * BATCHES) return files;
  await mkdir(compiledProgram(folder), { recursive: true });
  const batches = Array.from({ length: BATCHES }, async (_, index) => {
    const name = join(folder, `unit-${index + 1}.test.ts`);
    const own = together.filter((_path, at) => at % BATCHES === index);
    const imports = own.map(
      (path) => `import ${JSON.stringify(`../${path.slice('tests/'.length).replace(/\.ts$/, '.js')}`)};\n`,
    );
    await writeFile(compiledProgram(name.replace(/\.ts$/, '.js')), imports.join(''));
    return name;
  });
  return [...(await Promise.all(batches)), ...files.filter((path) => !together.includes(path))];
}

/** Each test file copies it, which takes a tenth of the time that the migrations take. */
async function createTemplate(cluster: PrivateCluster): Promise<void> {
  const admin = new pg.Client({ connectionString: cluster.url('postgres') });
  await admin.connect();
  try {
    await admin.query(`CREATE DATABASE ${TEMPLATE}`);
    await migrate(cluster.url(TEMPLATE), () => undefined);
    await admin.query(`ALTER DATABASE ${TEMPLATE} IS_TEMPLATE true`);
  } finally {
    await admin.end();
  }
}

await runMain(async () => {
  const options = process.argv.slice(2).filter((argument) => argument.startsWith('-'));
  const filters = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
  const files = spread(await batchTogether(findTests(filters))).map((path) =>
    compiledProgram(path.replace(/\.ts$/, '.js')),
  );
  if (files.length === 0) throw new CommandFailure(`No test file has ${filters.join(' or ')} in its path.`);
  const stop = createStopRequest();
  await using guard = openGuard();
  await using cluster = await openPrivateCluster(choosePostgres(), guard);
  await createTemplate(cluster);
  if (stop.aborted) return 130;
  const args = [
    '--enable-source-maps',
    '--import',
    pathToFileURL(compiledProgram('tests/support/file-deadline.js')).href,
    '--test',
    `--test-concurrency=${CONCURRENCY}`,
    `--test-timeout=${FILE_TIMEOUT_MS}`,
    '--test-reporter=spec',
  ];
  const folder = await mkdtemp(join(tmpdir(), 'telltale-tests-'));
  const env = {
    ...process.env,
    TELLTALE_TEST_FILE_DEADLINE_MS: String(FILE_DEADLINE_MS),
    TELLTALE_TEST_FOLDER: folder,
    TELLTALE_TEST_POSTGRES: cluster.url('postgres'),
    TELLTALE_TEST_POSTGRES_BIN: cluster.installation.bin,
    TELLTALE_TEST_TEMPLATE: TEMPLATE,
  };
  try {
    return await runAttached(process.execPath, [...args, ...options, ...files], env, stop);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
