import { POSITION_FIELD } from '../../../contracts/detect-checkpoint.ts';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import { readGroupBacklog } from '../../../platform/redis/group-backlog.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';

/** Packs that are not stored yet. */
export async function countBacklog(redis: Redis, shardCount: number): Promise<number> {
  const shards = Array.from({ length: shardCount }, (_, shard) => redisKeys.readings(shard));
  const waiting = await Promise.all(shards.map((stream) => readGroupBacklog(redis, stream, consumerGroups.persist)));
  return waiting.reduce<number>((sum, each) => sum + (each ?? 0), 0);
}

/** What is not done yet with all that was acknowledged; undefined when nothing is left. */
export async function describeUnfinished(redis: Redis, shardCount: number): Promise<string | undefined> {
  const backlog = await countBacklog(redis, shardCount);
  if (backlog > 0) return `${backlog} packs are not stored`;
  for (let shard = 0; shard < shardCount; shard += 1) {
    const [newest] = await redis.xrevrange(redisKeys.readings(shard), '+', '-', 'COUNT', 1);
    const position = (await redis.hget(redisKeys.detect(shard), POSITION_FIELD)) ?? '0';
    if (newest !== undefined && newest[0] !== position) return `shard ${shard} is evaluated up to ${position} only`;
  }
  const transitions = (await readGroupBacklog(redis, redisKeys.alerts, consumerGroups.storeAlerts)) ?? 0;
  return transitions > 0 ? `${transitions} transitions are not stored` : undefined;
}

export async function countDeadLetters(redis: Redis, shardCount: number): Promise<number> {
  let letters = 0;
  for (let shard = 0; shard < shardCount; shard += 1) letters += await redis.xlen(redisKeys.deadLetters(shard));
  return letters;
}
