import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { startService } from '../../support/process.ts';
import { startRedis } from '../../support/redis.ts';

const STOP_WITHIN_MS = 5000;

async function settingsOf(service: 'ingest' | 'worker' | 'broadcaster', redisUrl: string, databaseUrl: string) {
  if (service === 'worker') return { REDIS_URL: redisUrl, DATABASE_URL: databaseUrl };
  const own = service === 'broadcaster' ? { TELLTALE_BROADCASTER_PUBLIC: 'true' } : {};
  return { ...own, REDIS_URL: redisUrl, [`TELLTALE_${service.toUpperCase()}_PORT`]: String(await findFreePort()) };
}

for (const service of ['worker', 'ingest', 'broadcaster'] as const) {
  test(`the ${service} becomes ready, and ends with exit code 0 within 5 s of SIGTERM`, async () => {
    await using database = await createTestDatabase();
    await using redis = await startRedis();
    await using started = await startService(service, await settingsOf(service, redis.url, database.url));
    assert.equal((await fetch(`${started.adminUrl}/healthz`)).status, 200);
    assert.match(await (await fetch(`${started.adminUrl}/metrics`)).text(), /process_cpu_seconds_total/);
    const askedAt = performance.now();
    const status = await started.running.stop(STOP_WITHIN_MS);
    assert.deepEqual(status, { code: 0, signal: null });
    assert.ok(performance.now() - askedAt < STOP_WITHIN_MS);
  });
}
