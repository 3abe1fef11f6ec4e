import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import pg from 'pg';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { DEFAULT_SHARD_COUNT } from '../../contracts/shard.ts';
import { EARLY_SKEW_MS } from '../../contracts/shard-epoch.ts';
import { eventually } from '../support/eventually.ts';
import { SERVICES, startPlatform, type TestPlatform } from '../support/platform.ts';
import { requireVariable } from '../support/require-variable.ts';
import { findShellExamples, runShellExamples, type ShellExample } from '../support/shell-examples.ts';
import { startFleet } from '../support/simulated-fleet.ts';
import { assertStoredOnce } from '../support/stored-once.ts';

const FLEET = ['--devices', '20', '--rate', '5', '--duration', '0'];

/** The two blocks of docs/operations.md: how to back up, and how to restore. */
async function loadProcedure(): Promise<readonly [ShellExample, ShellExample]> {
  const page = await readFile('docs/operations.md', 'utf8');
  const section = page.slice(page.indexOf('\n## Backup and restore\n'), page.indexOf('\n## Upgrade\n'));
  const [backUp, restore, ...others] = findShellExamples(section);
  assert.ok(backUp !== undefined && restore !== undefined && others.length === 0);
  return [backUp, restore];
}

async function carryOut(example: ShellExample, environment: Readonly<Record<string, string>>): Promise<void> {
  const { code, errors } = await runShellExamples([example], environment);
  assert.equal(code, 0, errors);
}

async function loadTransitions(platform: TestPlatform): Promise<readonly string[]> {
  const client = new pg.Client({ connectionString: platform.stores.databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ row: string }>('SELECT t::text AS row FROM alert_transitions t ORDER BY 1');
    return rows.map(({ row }) => row);
  } finally {
    await client.end();
  }
}

/** What was signed by then, or soon after, no shard takes any more: it may have been accepted after the backup. */
async function assertRefusesOlder(redisUrl: string, thanMs: number): Promise<void> {
  const redis = new Redis(redisUrl);
  for (let shard = 0; shard < DEFAULT_SHARD_COUNT; shard += 1) {
    const epoch = (await redis.get(redisKeys.epoch(shard))) ?? '';
    assert.ok(Number(epoch.split(':')[1]) >= thanMs + EARLY_SKEW_MS, `shard ${shard} has the epoch ${epoch}`);
  }
  redis.disconnect();
}

test('a platform that was backed up while it ran comes back from nothing, by the commands of the documentation', async () => {
  const [backUp, restore] = await loadProcedure();
  await using platform = await startPlatform();
  await platform.applyRules('deploy/demo/rules.json');
  await using fleet = await startFleet(platform, [...FLEET, '--scenario', 'quake', '--quake-after', '0']);
  await platform.accepts(500);
  await eventually(async () => assert.ok((await loadTransitions(platform)).length > 0, 'no alert is stored'));
  // From here on what is acknowledged is in Redis alone.
  await platform.kill9('worker');
  await platform.accepts(500);
  const outcome = await fleet.drain();
  const alerts = await loadTransitions(platform);

  const folder = join(platform.folder, 'backup');
  await mkdir(folder);
  const redisUrl = new URL(platform.stores.redisUrl);
  const environment = {
    ...{ BACKUP: folder, REDIS_DIR: platform.redis.folder },
    ...{ REDIS_HOST: redisUrl.hostname, REDIS_PORT: redisUrl.port, REDISCLI_AUTH: redisUrl.password },
    DATABASE_URL: platform.stores.databaseUrl,
    PATH: `${requireVariable('TELLTALE_TEST_POSTGRES_BIN')}:${process.env['PATH'] ?? ''}`,
  };
  await carryOut(backUp, environment);
  for (const service of ['ingest', 'broadcaster'] as const) await platform.kill9(service);
  await platform.wipeStores();
  const restoredAtMs = Date.now();
  await carryOut(restore, environment);
  await platform.redis.restart();
  await Promise.all(SERVICES.map((service) => platform.start(service)));

  await assertStoredOnce(platform, fleet, outcome);
  await assertRefusesOlder(platform.stores.redisUrl, restoredAtMs);
  const restored = new Set(await loadTransitions(platform));
  assert.deepEqual(
    alerts.filter((alert) => !restored.has(alert)),
    [],
  );

  // Its devices go on with the keys and nonces that they had.
  await using later = await startFleet(platform, FLEET);
  await platform.accepts(500, EARLY_SKEW_MS + 30_000);
  const { exitCode, summary } = await later.drain();
  assert.deepEqual([exitCode, summary.unacknowledged, summary.dropped], [0, 0, 0]);
});
