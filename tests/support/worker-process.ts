import { findFreePort } from '../../scripts/process/free-port.ts';
import { waitUntilReady } from '../../scripts/process/wait-until-ready.ts';
import { startProgram, type TestService } from './process.ts';
import { SHARD_COUNT } from './worker-stores.ts';

const ALIVE_DEADLINE_MS = 30_000;

/** A worker that answers its health check, which it does before its database is there. */
export async function startWorkerProcess(redisUrl: string, databaseUrl: string): Promise<TestService> {
  const adminPort = await findFreePort();
  const started = await startProgram('services/worker/main.js', [], {
    REDIS_URL: redisUrl,
    DATABASE_URL: databaseUrl,
    TELLTALE_SHARDS: String(SHARD_COUNT),
    TELLTALE_WORKER_ADMIN_PORT: String(adminPort),
  });
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  const isAlive = async (): Promise<boolean> => (await fetch(`${adminUrl}/healthz`)).status === 200;
  await waitUntilReady(started.running, isAlive, ALIVE_DEADLINE_MS);
  return { ...started, adminUrl };
}
