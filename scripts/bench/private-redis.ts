import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { startRedis } from '../dev-stack/start-redis.ts';
import { findFreePort } from '../process/free-port.ts';
import type { Guard } from '../process/guard.ts';

export type Fsync = 'always' | 'everysec';

export interface PrivateRedis extends AsyncDisposable {
  readonly url: string;
  readonly client: Redis;
}

const STOP_DEADLINE_MS = 10_000;

/** An empty redis-server with the settings of the development stack, but for when it syncs its append-only file. */
export async function openPrivateRedis(folder: string, fsync: Fsync, guard: Guard): Promise<PrivateRedis> {
  const password = randomBytes(18).toString('base64url');
  const server = await startRedis({ port: await findFreePort(), password, folder }, guard);
  const client = new Redis(server.url);
  const close = async () => {
    client.disconnect();
    await server.process.stop(STOP_DEADLINE_MS);
  };
  try {
    await client.config('SET', 'appendfsync', fsync);
  } catch (error) {
    await close();
    throw error;
  }
  return { url: server.url, client, [Symbol.asyncDispose]: close };
}
