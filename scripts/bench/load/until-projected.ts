import { setTimeout as delay } from 'node:timers/promises';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import type { PrivateRedis } from '../private-redis.ts';

const PROJECTED_WITHIN_MS = 20_000;

/** Returns when the worker has brought this version of the registry to Redis. */
export async function untilProjected(redis: PrivateRedis['client'], version: string, stop: AbortSignal): Promise<void> {
  const deadlineMs = performance.now() + PROJECTED_WITHIN_MS;
  while (BigInt((await redis.get(redisKeys.registryVersion)) ?? '0') < BigInt(version)) {
    if (performance.now() > deadlineMs) throw new Error('the worker does not project the registry');
    await delay(50);
    stop.throwIfAborted();
  }
}
