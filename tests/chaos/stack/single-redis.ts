import { randomBytes } from 'node:crypto';
import { startRedis, type RedisOptions } from '../../../scripts/dev-stack/start-redis.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import type { Guard } from '../../../scripts/process/guard.ts';
import { standBefore } from '../../support/cut-off-server.ts';
import type { ChaosRedis } from './chaos-redis.ts';
import { Member } from './member.ts';

/** Not started. */
export async function prepareSingleRedis(
  folder: string,
  guard: Guard,
  options: Pick<RedisOptions, 'fsync' | 'environment'>,
  onEnd: (what: string) => void,
): Promise<ChaosRedis> {
  const own = { ...options, port: await findFreePort(), password: randomBytes(18).toString('base64url'), folder };
  const serverUrl = `redis://:${own.password}@127.0.0.1:${own.port}`;
  const { server: way, url } = await standBefore(serverUrl);
  return {
    ...{ url, ways: [way], serverUrls: [serverUrl] },
    member: new Member('redis', async () => (await startRedis(own, guard)).process, onEnd),
    [Symbol.asyncDispose]: () => way[Symbol.asyncDispose](),
  };
}
