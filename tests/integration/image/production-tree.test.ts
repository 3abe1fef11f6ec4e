import assert from 'node:assert/strict';
import { chown, constants, mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import type { ServiceName } from '../../../scripts/dev-stack/environment.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import type { RunningProcess } from '../../../scripts/process/running-process.ts';
import { waitUntilReady } from '../../../scripts/process/wait-until-ready.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { buildProductionTree, type ProductionTree } from '../../support/production-tree.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const MIB = 1024 * 1024;
/** It has 26 MiB; most of it is packages, and 7 MiB of them the binding of uWebSockets.js. */
const LARGEST_TREE_BYTES = 40 * MIB;
const LARGEST_DIST_BYTES = 3 * MIB;
/** The bound is for the best of some starts: what else this machine does may make any single one slow. */
const READY_MS = 3000;
const FEWEST_STARTS = 3;
const MOST_STARTS = 8;
const PATIENCE_MS = 30_000;
const STOP_MS = 10_000;
const SERVICES = ['worker', 'ingest', 'broadcaster'] as const;

let tree: ProductionTree;
let redis: TestRedis;
let database: TestDatabase;

before(async () => {
  [tree, redis, database] = await Promise.all([buildProductionTree(), startRedis(), createTestDatabase()]);
});
after(async () => {
  await tree[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

interface Started {
  readonly running: RunningProcess;
  readonly url: string;
  readonly readyMs: number;
}

async function start(service: ServiceName): Promise<Started> {
  const [port, adminPort] = [await findFreePort(), await findFreePort()];
  const prefix = `TELLTALE_${service.toUpperCase()}`;
  const settings = {
    REDIS_URL: redis.url,
    [`${prefix}_ADMIN_PORT`]: String(adminPort),
    ...(service === 'worker' ? { DATABASE_URL: database.url } : { [`${prefix}_PORT`]: String(port) }),
    ...(service === 'broadcaster' && { TELLTALE_BROADCASTER_PUBLIC: 'true' }),
  };
  const startedAtMs = performance.now();
  const running = await tree.startService(`services/${service}/main.js`, settings);
  const isReady = async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).status === 200;
  await waitUntilReady(running, isReady, PATIENCE_MS);
  return { running, url: `http://127.0.0.1:${port}`, readyMs: performance.now() - startedAtMs };
}

/** Files that a process could write to at this moment. */
async function openForWriting(pid: number): Promise<readonly string[]> {
  const files: string[] = [];
  for (const number of await readdir(`/proc/${pid}/fd`)) {
    const path = `/proc/${pid}/fd/${number}`;
    const info = await readFile(`/proc/${pid}/fdinfo/${number}`, 'utf8');
    const flags = parseInt(/^flags:\s+(\d+)$/m.exec(info)?.[1] ?? '', 8);
    if ((await stat(path)).isFile() && (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0) {
      files.push(await readlink(path));
    }
  }
  return files;
}

test('the tree holds what production runs and nothing else, and is small', async (t) => {
  const { report, folder } = tree;
  const [total, dist] = [report.total_bytes, report.dist_bytes];
  t.diagnostic(`the tree has ${(total / MIB).toFixed(1)} MiB, ${(dist / MIB).toFixed(1)} MiB of them our own code`);
  assert.ok(total < LARGEST_TREE_BYTES, `the tree has ${total} bytes`);
  assert.ok(dist < LARGEST_DIST_BYTES, `our own code has ${dist} bytes`);

  const files = await readdir(folder, { recursive: true });
  assert.deepEqual(
    files.filter((file) =>
      /\.([cm]?ts|map)$|^dist\/tests|\/dev-stack\/stack|@electric-sql|node_modules\/(typescript|eslint)$/.test(file),
    ),
    [],
  );
  assert.deepEqual(
    files.filter((file) => file.includes('uWebSockets.js/uws_')),
    [`node_modules/uWebSockets.js/uws_linux_${process.arch}_${process.versions.modules}.node`],
  );
  assert.deepEqual((await readdir(folder)).sort(), ['LICENSE', 'deploy', 'dist', 'node_modules', 'package.json']);
});

test('every program of the tree finds what it imports', async () => {
  for (const program of tree.report.programs.filter((path) => !path.startsWith('services/'))) {
    if (program === 'scripts/migrate.js') continue;
    assert.match(await tree.runTool(program, ['--help']), /Usage/i, program);
  }
  await tree.runTool('scripts/migrate.js', [], { DATABASE_URL: database.url });
});

for (const service of SERVICES) {
  test(`${service} is ready within 3 s, started from a folder that is not its own by a user who is not root, and writes nothing`, async (t) => {
    const times: number[] = [];
    while (times.length < FEWEST_STARTS || (times.length < MOST_STARTS && Math.min(...times) >= READY_MS)) {
      const { running, readyMs } = await start(service);
      times.push(readyMs);
      assert.deepEqual(await openForWriting(running.pid), []);
      assert.equal((await stat(`/proc/${running.pid}`)).uid, tree.user?.uid ?? process.getuid?.());
      assert.deepEqual(await running.stop(STOP_MS), { code: 0, signal: null });
    }
    t.diagnostic(`${service}: ready after ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`);
    assert.ok(Math.min(...times) < READY_MS, `ready after ${times.join(', ')} ms`);
  });
}

test('the platform from the tree takes readings from the fleet from the tree', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-image-fleet-'));
  if (tree.user !== undefined) await chown(folder, tree.user.uid, tree.user.gid);
  const [worker, ingest] = [await start('worker'), await start('ingest')];
  try {
    const manifest = join(folder, 'manifest.json');
    const fleet = ['--devices', '5', '--fleet', folder];
    await tree.runTool('firmware-sim/main.js', ['manifest', ...fleet, '--out', manifest]);
    await tree.runTool('scripts/admin.js', ['fleet', manifest], { DATABASE_URL: database.url, REDIS_URL: redis.url });
    const output = await tree.runTool('firmware-sim/main.js', [
      'run',
      ...fleet,
      '--url',
      ingest.url,
      '--duration',
      '2',
      '--json',
    ]);
    const summary = z.object({ accepted: z.int().positive(), rejected: z.literal(0) });
    summary.parse(JSON.parse(output.split('\n').at(-1) ?? ''));
  } finally {
    await Promise.all([worker, ingest].map(({ running }) => running.stop(STOP_MS)));
    await rm(folder, { recursive: true });
  }
});
