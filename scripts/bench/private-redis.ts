import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { startRedis } from '../dev-stack/start-redis.ts';
import { findFreePort } from '../process/free-port.ts';
import type { Guard } from '../process/guard.ts';

export type Fsync = 'always' | 'everysec';

export interface PrivateRedis extends AsyncDisposable {
  readonly url: string;
  readonly client: Redis;
  /** The longest time that a sync of the append-only file has held everybody up, when it was above 10 ms; else 0. */
  readonly longestFsyncMs: () => Promise<number>;
}

const LATENCY_THRESHOLD_MS = 10;

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
    await client.config('SET', 'latency-monitor-threshold', LATENCY_THRESHOLD_MS);
  } catch (error) {
    await close();
    throw error;
  }
  return { url: server.url, client, longestFsyncMs: () => readLongestFsync(client), [Symbol.asyncDispose]: close };
}

/** LATENCY LATEST answers for each event its name, when it last was, how long that took, and the longest. */
async function readLongestFsync(client: Redis): Promise<number> {
  const events: unknown = await client.call('LATENCY', 'LATEST');
  if (!Array.isArray(events)) return 0;
  const fsync: unknown = events.find((event) => Array.isArray(event) && event[0] === 'aof-fsync-always');
  return Array.isArray(fsync) ? Number(fsync[3]) : 0;
}
